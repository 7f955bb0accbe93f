#!/bin/bash
# The programs that the disk-image test runs in the guest (/test/run.sh of make-rootfs). What it
# prints, with correct processors, is workloads.expected: the same on every architecture, so it can
# be run on the host too. Nothing depends on time, on names of the machine or on random numbers;
# floating-point code is compiled without contraction, since FMA rounds once where a*b+c rounds twice.
# Small on purpose: an interpreter must finish it in two minutes.
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) && cd "$work" || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
# Each section must succeed; the sum of those that did not is the exit status.
section() {
    echo "== $1"
    "run_$1" 2>&1 || { echo "-- $1: status $?"; failed=$((failed + 1)); }
}

run_coreutils() {
    seq 1 5000 | sort -rn | awk '{ sum += $1 * NR } END { printf "%.0f\n", sum }' &&
        seq 1 2000 | shuf --random-source=<(yes 1) | sort -n | sha256sum &&
        seq 1 300 | sed 's/[02468]$/even/; s/\([0-9]\)$/odd\1/' | sort | uniq -c | sort -k1nr -k2 | head -n 3 &&
        printf 'one two three two one two' | tr ' ' '\n' | sort | uniq -c | sort -rn &&
        seq 1 20000 | gzip -9n | gunzip | md5sum &&
        seq 1 9000 | xz -1 | xz -d | cksum &&
        echo $((0x7fffffffffffffff + 1)) $((-7 / 2)) $((-7 % 3)) $((1 << 62 >> 3))
}

run_perl() {
    perl - <<'END'
use strict;
use warnings;
use Digest::SHA qw(sha1_hex sha512_hex);
use Digest::MD5 qw(md5_hex);
use List::Util qw(sum max reduce);
my @sieve = (1) x 20000;
@sieve[0, 1] = (0, 0);
for (my $i = 2; $i * $i < @sieve; $i++) {
    next unless $sieve[$i];
    for (my $j = $i * $i; $j < @sieve; $j += $i) { $sieve[$j] = 0 }
}
my @primes = grep { $sieve[$_] } 0 .. $#sieve;
printf "primes %d sum %d last %d\n", scalar(@primes), sum(@primes), $primes[-1];
my $text = join ' ', map { sprintf '%x', $_ * 2654435761 % 4294967296 } 1 .. 2000;
my %count;
$count{$_}++ for $text =~ /([a-f]{2})/g;
print join(',', map { "$_=$count{$_}" } (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 5]), "\n";
print sha1_hex($text), ' ', md5_hex($text), ' ', substr(sha512_hex($text), 0, 40), "\n";
my $value = 0.5;
$value = 3.9 * $value * (1 - $value) for 1 .. 1000;
printf "%.17g %.17g %.17g %.17g\n", $value, sqrt(2), 1 / 3, 1e308 * 10;
print join(' ', unpack('H*', pack('d> f< q> n V', -1.5, 3.25, -2, 65535, 305419896))), "\n";
print reduce { ($a * 31 + $b) % 1000000007 } map { ord } split //, $text;
print "\n";
END
}

run_python3() {
    python3 -S - <<'END'
import hashlib, json, math, struct, zlib
from collections import Counter
from fractions import Fraction

def pi_digits(count):
    q, r, t, k, m, x = 1, 0, 1, 1, 3, 3
    digits = []
    while len(digits) < count:
        if 4 * q + r - t < m * t:
            digits.append(str(m))
            q, r, m = 10 * q, 10 * (r - m * t), (10 * (3 * q + r)) // t - 10 * m
        else:
            q, r, t, k, m, x = (q * k, (2 * q + r) * x, t * x, k + 1,
                                (q * (7 * k + 2) + r * x) // (t * x), x + 2)
    return ''.join(digits)

print(pi_digits(120))
print(math.factorial(100) % 10**30, pow(3, 10**6, 2**127 - 1))
values = [i * 0.1 for i in range(1000)]
print(sum(values), math.fsum(values), math.sqrt(sum(v * v for v in values)).hex())
print(repr(0.1 + 0.2), float('1e-320'), 5e-324 / 2, -0.0, round(2.5), 7 // -2, math.fmod(7, -2))
print(struct.pack('>dfq', math.inf, 1 / 3, -2).hex())
words = json.dumps({'k%d' % i: [i, i / 7, None, i % 2 == 0] for i in range(60)}, sort_keys=True)
print(hashlib.sha256(words.encode()).hexdigest(), zlib.crc32(words.encode()), zlib.adler32(words.encode()))
assert json.loads(words)['k9'][1] == 9 / 7
assert zlib.decompress(zlib.compress(words.encode() * 20, 6)) == words.encode() * 20
print(hashlib.sha3_256(words.encode()).hexdigest()[:32], hashlib.blake2b(words.encode()).hexdigest()[:32])
print(sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))[:5])
print(sum((Fraction(1, n) for n in range(1, 30)), Fraction(0)))
board = {(i * i * 7 + i) % 1009: i for i in range(3000)}
print(len(board), sum(board), max(board.values()), hash((1, 2.5)) != 0)
END
}

run_gcc() {
    cat >program.c <<'END'
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static uint32_t list[20000];
    static double m[24][24], n[24][24], p[24][24];
    unsigned __int128 product = 1;
    double trace = 0;
    for (int i = 0; i < 20000; i++)
        list[i] = (uint32_t)next();
    qsort(list, 20000, sizeof(list[0]), compare);
    for (int i = 0; i < 24; i++)
        for (int j = 0; j < 24; j++) {
            m[i][j] = (double)(next() >> 11) / 9007199254740992.0;
            n[i][j] = (double)((int64_t)next() >> 20) / 3.0;
        }
    for (int i = 0; i < 24; i++)
        for (int j = 0; j < 24; j++)
            for (int k = 0; k < 24; k++)
                p[i][j] += m[i][k] * n[k][j];
    for (int i = 0; i < 24; i++)
        trace += p[i][i];
    for (int i = 1; i <= 20; i++)
        product = product * 0x9e3779b97f4a7c15u + (uint64_t)i;
    printf("%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", list[0], list[10000], list[19999]);
    printf("%.17g %a %.3e\n", trace, p[3][7], p[23][0]);
    printf("%016" PRIx64 "%016" PRIx64 " %" PRIu64 "\n", (uint64_t)(product >> 64), (uint64_t)product,
           (uint64_t)(product % 1000000007u));
    return 42;
}
END
    for level in 0 2; do
        gcc -O$level -ffp-contract=off -Wall -Werror -o program program.c || return
        ./program
        [ $? -eq 42 ] || return
    done
}

run_openssl() {
    seq 1 3000 >plain
    local key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
    local iv=f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff
    local digest cipher
    for digest in md5 sha1 sha256 sha512 sha3-256 blake2s256; do
        openssl dgst -r -$digest plain || return
    done
    for cipher in aes-128-cbc aes-256-ctr aes-256-cbc chacha20 camellia-128-cbc; do
        case $cipher in *-128-*) k=${key:0:32} ;; *) k=$key ;; esac
        openssl enc -$cipher -K $k -iv $iv -in plain -out sealed || return
        openssl enc -d -$cipher -K $k -iv $iv -in sealed | cmp - plain || return
        echo "$cipher $(openssl dgst -r -sha256 sealed)"
    done
    openssl dgst -sha256 -hmac sojourn plain || return
    openssl mac -cipher AES-128-CBC -macopt hexkey:${key:0:32} -in plain CMAC || return
    # The private key of RFC 8032, 7.1, test 1, in PKCS 8 form.
    printf '%s' MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g | base64 -d >key.der
    openssl pkeyutl -sign -rawin -inkey key.der -keyform DER -in plain -out signature || return
    openssl dgst -r -sha256 signature
    openssl prime -hex 7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
}

run_sqlite3() {
    sqlite3 test.db <<'END' || return
PRAGMA journal_mode = WAL;
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL, kind INTEGER);
CREATE INDEX item_kind ON item (kind, price);
BEGIN;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO item SELECT i, printf('item-%05d', i * 7919 % 3001), i * 0.25, i % 11 FROM n;
COMMIT;
SELECT kind, count(*), sum(price), round(avg(price), 3), min(name), max(name) FROM item GROUP BY kind ORDER BY kind LIMIT 4;
UPDATE item SET price = price * 1.5 WHERE name LIKE 'item-00%';
DELETE FROM item WHERE kind = 3;
SELECT count(*), total(price), hex(substr(group_concat(name, ''), 1, 12)) FROM (SELECT * FROM item ORDER BY name);
SELECT a.name, b.name FROM item a JOIN item b ON b.id = a.id * 2 WHERE a.kind = 5 ORDER BY a.name DESC LIMIT 3;
WITH RECURSIVE f (a, b, n) AS (SELECT 0, 1, 1 UNION ALL SELECT b, a + b, n + 1 FROM f WHERE n < 80) SELECT max(a) FROM f;
VACUUM;
PRAGMA integrity_check;
END
    sqlite3 test.db 'SELECT count(DISTINCT name) FROM item'
}

for name in coreutils perl python3 gcc openssl sqlite3; do
    section $name
done
echo "== failed $failed"
exit $failed
