# Options of `sojourn run` that are wrong in themselves: status 2.

k=(--kernel "$tmp/off")

fails 'no kernel' 2 '--kernel' run
fails 'only other options' 2 '--kernel' run -m 1G
fails 'a word that is no option' 2 "'disk.img'" run "${k[@]}" disk.img
fails 'unknown long option' 2 "'--frob'" run "${k[@]}" --frob
fails 'unknown short option' 2 "'-z'" run "${k[@]}" -z
fails 'shortened option' 2 "'--kern'" run --kern "$tmp/off"
fails 'a switch with a value' 2 '--no-reboot takes no value' run "${k[@]}" --no-reboot=1
for o in kernel initrd append dtb memory cpus cpu engine code-cache trace clock disk net console hvc stats; do
    fails "--$o without a value" 2 "--$o needs a value" run --$o
done
for o in kernel initrd dtb stats trace semihosting; do
    fails "--$o with an empty value" 2 "--$o" run "${k[@]}" --$o=
done

for size in 0 lots -1 1.5G 0x10 99999999999999999999 3M 4097K 256G 1Z '1 G' 20000000T; do
    fails "--memory '$size'" 2 "--memory: '$size'" run "${k[@]}" --memory "$size"
done
fails '-m with a bad size' 2 '--memory' run "${k[@]}" -mx
for engine in jit interp auto; do
    runs "--cpus 2 with $engine" 0 run "${k[@]}" --cpus 2 --engine "$engine" --console null
done
fails '--cpus 124' 2 '--cpus: 124.*at most 123.*interrupt controller' run "${k[@]}" --cpus 124
for n in 0 x -1 1.0; do
    fails "--cpus $n" 2 "--cpus: '$n'" run "${k[@]}" --cpus "$n"
done
fails 'unknown engine' 2 "--engine.*'warp'.*interp.*jit|--engine.*'warp'.*jit.*interp" run "${k[@]}" --engine warp
fails 'unknown stress' 2 "--engine: stress 'warp'.*tlb1" run "${k[@]}" --engine interp,stress=warp
fails 'engine setting' 2 "--engine: 'fast'.*stress=" run "${k[@]}" --engine interp,fast
for c in wall counted: counted:x counted:1x counted:99999999999999999999; do
    fails "--clock $c" 2 '--clock' run "${k[@]}" --clock "$c"
done
fails 'unknown CPU' 2 "--cpu.*'cortex-a53'" run "${k[@]}" --cpu cortex-a53
fails 'unknown CPU feature' 2 "--cpu.*'?frob" run "${k[@]}" --cpu default,+frob
fails 'CPU feature without sign' 2 '--cpu' run "${k[@]}" --cpu default,SHA3

fails 'disk without a name' 2 '--disk' run "${k[@]}" --disk ,readonly
fails 'disk format qcow2' 2 "--disk.*'qcow2'" run "${k[@]}" --disk d,format=qcow2
fails 'disk URI' 2 '--disk.*nbd://x' run "${k[@]}" --disk nbd://x
fails 'unknown disk setting' 2 "--disk.*'cache=none'" run "${k[@]}" --disk d,cache=none
fails 'disk serial too long' 2 '--disk.*20 characters' run "${k[@]}" --disk d,serial=123456789012345678901
fails 'disk queues 0' 2 "--disk.*queues.*'0'" run "${k[@]}" --disk d,queues=0
fails 'disk readonly and ephemeral' 2 '--disk.*exclude' run "${k[@]}" --disk d,readonly,ephemeral
many=()
for ((i = 0; i < 17; i++)); do
    many+=(--disk "d$i")
done
fails '17 disks' 2 '--disk.*at most 16' run "${k[@]}" "${many[@]}"

fails 'unknown network' 2 "--net.*'bridge'" run "${k[@]}" --net bridge
fails 'network tap' 2 '--net.*tap' run "${k[@]}" --net tap
fails 'network none and user' 2 '--net none' run "${k[@]}" --net none --net user
for f in '' tcp tcp:1 tcp:0:1 tcp:1:65536 tcp:x:1 icmp:1:1 tcp:host:1:1 tcp:1:1:1:1; do
    fails "forward '$f'" 2 '--net.*forward' run "${k[@]}" --net "user,forward=$f"
done
for m in x 52:54:00:12:34 52:54:00:12:34:5g 52-54-00-12-34-56 01:00:5e:00:00:01; do
    fails "MAC $m" 2 "--net: '$m'.*MAC" run "${k[@]}" --net "user,mac=$m"
done

fails 'unknown console' 2 "--console.*'tty'" run "${k[@]}" --console tty
fails 'unknown second console' 2 "--hvc.*'tty'" run "${k[@]}" --hvc tty
fails 'console unix: without a path' 2 '--console' run "${k[@]}" --console unix:
fails 'console file: without a path' 2 '--console' run "${k[@]}" --console file:
fails 'both consoles on stdio' 2 '--console and --hvc' run "${k[@]}" --hvc stdio
fails 'both consoles in one file' 2 '--console and --hvc' run "${k[@]}" --console file:x --hvc file:x
fails 'a line break in an option' 2 'unknown option' run "${k[@]}" $'--a\nb'
