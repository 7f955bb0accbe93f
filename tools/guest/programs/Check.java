import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.function.*;
import java.util.regex.*;
import java.util.stream.*;
import java.util.zip.*;

/** Deterministic checks of the Java virtual machine and the processor under it. Each test runs often
 * enough to pass through the interpreter, both compilers and back; a result that changes from one to
 * the next is an error. What is printed is the same on every architecture. */
public class Check {
    static int mix(int h, long v) { return (h ^ (int) (v ^ v >>> 32)) * 0x01000193; }

    static final class Rng {
        int s;
        Rng(int seed) { s = seed; }
        int next() { s ^= s << 13; s ^= s >>> 17; s ^= s << 5; return s; }
        int below(int n) { return (next() >>> 1) % n; }
    }

    // ---- Calls ----
    static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
    static int ack(int m, int n) { return m == 0 ? n + 1 : n == 0 ? ack(m - 1, 1) : ack(m - 1, ack(m, n - 1)); }
    static String recursion() { return fib(20) + " " + ack(2, 40); }

    interface Shape { long area(int k); }
    record Square(int a) implements Shape { public long area(int k) { return (long) a * a + k; } }
    record Box(int a, int b) implements Shape { public long area(int k) { return (long) a * b - k; } }
    record Odd(long x) implements Shape { public long area(int k) { return x / (k | 1); } }

    // One class at first: the call is compiled into the caller; the others make that wrong.
    static String virtualCalls() {
        int h = 0;
        Shape[] s = new Shape[300];
        for (int i = 0; i < s.length; i++)
            s[i] = i < 100 ? new Square(i) : i % 3 == 0 ? new Box(i, 7) : i % 3 == 1 ? new Odd(i * 1234567L) : new Square(i);
        for (int turn = 0; turn < 20; turn++)
            for (int i = 0; i < (turn < 10 ? 100 : s.length); i++)
                h = mix(h, s[i].area(turn));
        IntBinaryOperator[] f = {(a, b) -> a + b, (a, b) -> a * b, Math::max, Integer::compare, (a, b) -> a ^ b >>> 3};
        for (int i = 0; i < 3000; i++)
            h = f[i < 1500 ? 0 : i % 5].applyAsInt(h, i);
        return "" + h;
    }

    // ---- Memory ----
    static final class Node { Node left; int[] data; String text; }
    static String garbage() {
        Rng r = new Rng(5);
        Node[] ring = new Node[1024];
        for (int i = 0; i < 60000; i++) {
            Node n = new Node();
            n.left = ring[r.below(1024)];
            n.data = new int[r.below(60) + 1];
            Arrays.fill(n.data, i);
            n.text = (i & 7) == 0 ? "t" + i : "";
            ring[r.below(1024)] = n;
            if (i % 100 == 0)
                for (int k = 0; k < 1024; k += 3) ring[k] = null;
        }
        int h = 0;
        for (Node n : ring)
            for (int steps = 0; n != null && steps < 64; steps++, n = n.left)
                h = mix(h, n.data[n.data.length - 1] + n.text.length());
        return "" + h;
    }

    static String arrays() {
        Rng r = new Rng(77);
        int[] a = new int[5000];
        long[] l = new long[5000];
        byte[] b = new byte[5000];
        double[] d = new double[5000];
        char[] c = new char[5000];
        short[] s = new short[5000];
        int h = 0;
        for (int i = 0; i < a.length; i++) a[i] = r.next();
        for (int i = 0; i < a.length; i++) { l[i] = a[i] * 3L; b[i] = (byte) a[i]; c[i] = (char) (a[i] >>> 3); s[i] = (short) (a[i] * 5); }
        for (int i = 1; i < a.length; i++) { d[i] = d[i - 1] * 0.5 + l[i]; l[i] ^= Long.rotateLeft(l[i - 1], 5); a[i] += b[i] * s[i]; }
        int sum = 0, least = Integer.MAX_VALUE;
        for (int v : a) { sum += v; least = Math.min(least, v); }
        for (int i = 0; i < b.length; i++) { b[i] = (byte) (b[i] + 3 * (c[i] & 15)); s[i] = (short) Math.abs(s[i]); }
        for (byte v : b) h = mix(h, v);
        for (double v : d) h = mix(h, Double.doubleToLongBits(v));
        for (long v : l) h = mix(h, v);
        System.arraycopy(a, 100, a, 103, 4000);
        Arrays.sort(l);
        for (int i = 0; i < 5000; i += 7) h = mix(h, l[i] + a[i] + s[i]);
        try { a[r.below(10) + 5000] = 1; } catch (ArrayIndexOutOfBoundsException e) { h = mix(h, 4711); }
        return h + " " + sum + " " + least + " " + Arrays.hashCode(a) + " " + Arrays.mismatch(a, Arrays.copyOf(a, 4321)) + " " + Arrays.equals(b, b.clone());
    }

    static String buffers() {
        ByteBuffer b = ByteBuffer.allocateDirect(4096);
        Rng r = new Rng(4);
        int h = 0;
        for (int i = 0; i < 4000; i++) {
            b.order((i & 1) == 0 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
            int at = r.below(4088);
            b.putLong(at, b.getLong(r.below(4088)) + r.next());
            b.putShort(r.below(4094), (short) i);
            b.putFloat(r.below(4092), i * 0.75f);
            h = mix(h, b.getInt(at) + b.getChar(at));
        }
        LongBuffer l = b.asLongBuffer();
        while (l.hasRemaining()) h = mix(h, l.get());
        return "" + h;
    }

    // ---- Numbers ----
    static String integers() {
        Rng r = new Rng(1234);
        int h = 0;
        for (int i = 0; i < 6000; i++) {
            int a = r.next(), b = r.next() >> r.below(31);
            long x = (long) a << 32 ^ r.next(), y = x >> r.below(63) ^ b;
            if (b != 0) { h = mix(h, a / b); h = mix(h, a % b); h = mix(h, Integer.divideUnsigned(a, b)); }
            if (y != 0) { h = mix(h, x / y); h = mix(h, x % y); h = mix(h, Long.remainderUnsigned(x, y)); }
            h = mix(h, Math.multiplyHigh(x, y)); h = mix(h, Long.bitCount(x)); h = mix(h, Long.reverse(y));
            h = mix(h, Integer.reverseBytes(a) + Integer.numberOfLeadingZeros(b) + Long.numberOfTrailingZeros(x));
            h = mix(h, x << b | y >>> a); h = mix(h, (byte) a + (short) b + (char) x);
            h = mix(h, Integer.compareUnsigned(a, b)); h = mix(h, x > y ? a : b); h = mix(h, a / 7 + a % 1000 + x / 10);
            try { h = mix(h, Math.addExact(a, b)); h = mix(h, Math.multiplyExact(a, i)); } catch (ArithmeticException e) { h++; }
        }
        return h + " " + Integer.MIN_VALUE / -1 + " " + Long.MIN_VALUE % -1;
    }

    static String floats() {
        Rng r = new Rng(99);
        int h = 0;
        for (int i = 0; i < 6000; i++) {
            double a = Double.longBitsToDouble((long) r.next() << 32 ^ r.next()), b = r.next() / 1024.0;
            float f = Float.intBitsToFloat(r.next()), g = r.next() / 64f;
            for (double v : new double[] {a + b, a * b, b / a, a % b, Math.sqrt(b), Math.floor(b), Math.rint(b), Math.max(a, b), -a,
                    Math.fma(a, b, 1.0), (double) f, Math.ceil(a), Math.abs(b), f * (double) g, Math.scalb(b, i % 50), Math.ulp(a)})
                h = mix(h, Double.doubleToLongBits(v));
            for (float v : new float[] {f + g, f * g, g / f, (float) a, Math.min(f, g), (float) Math.sqrt(g), (float) b})
                h = mix(h, Float.floatToIntBits(v));
            h = mix(h, (int) a); h = mix(h, (long) a); h = mix(h, (int) f); h = mix(h, Math.round(b)); h = mix(h, (char) b);
            h = mix(h, a < b ? 1 : a > b ? 2 : a == b ? 3 : 4); h = mix(h, Double.compare(a, b));
            if (i % 16 == 0) { h = mix(h, Double.toString(b).hashCode()); h = mix(h, Double.doubleToLongBits(StrictMath.sin(b))); h = mix(h, String.format("%.3f", b).hashCode()); }
        }
        return "" + h;
    }

    static String big() {
        BigInteger f = BigInteger.ONE, m = BigInteger.TWO.pow(1279).subtract(BigInteger.ONE);
        for (int i = 1; i < 250; i++) f = f.multiply(BigInteger.valueOf(i));
        BigInteger p = f.modPow(new BigInteger("123456789abcdef0fedcba987654321", 16), m);
        BigDecimal d = new BigDecimal(f).divide(new BigDecimal("7.0000000000000000000001"), java.math.MathContext.DECIMAL128);
        return f.mod(BigInteger.valueOf(1000003)) + " " + p.hashCode() + " " + p.multiply(p).sqrt().equals(p) + " " + f.gcd(p) + " " + d
            + " " + f.toString(7).hashCode() + " " + BigInteger.valueOf(1000003).modInverse(m).hashCode() + " " + m.isProbablePrime(5);
    }

    // ---- Exceptions, text ----
    static int depth;
    static void deep() { depth++; deep(); }
    static int thrower(int n, Object o) {
        try {
            if (n % 3 == 0) throw new IllegalStateException("n" + n);
            if (n % 5 == 0) return ((String) o).length();
            if (n % 7 == 0) return (Integer) (Object) "x";
            if (n % 11 == 0) return n / (n - n);
            if (n % 13 == 0) return new int[-n].length;
            return n;
        } finally { depth++; }
    }
    static String exceptions() {
        int h = 0;
        depth = 0;
        for (int i = 1; i < 2000; i++)
            try { h = mix(h, thrower(i, null)); } catch (RuntimeException e) { h = mix(h, e.getClass().getName().hashCode()); }
        int n = depth;
        boolean over = false;
        try { deep(); } catch (StackOverflowError e) { over = depth > 500; }
        return h + " " + n + " " + over;
    }

    static final Pattern WORDS = Pattern.compile("(?<name>\\w+)=(\\d+)|([aeiou]{2,})|(?<=x)y+?(?!z)", Pattern.CASE_INSENSITIVE);
    static String text() {
        Rng r = new Rng(8);
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < 900; i++) s.append(new String[] {"key=", "123 ", "aeio", "xyyz", "\u00c4\u00df", "\n", "\ud83d\ude00", "Bc"}[r.below(8)]);
        int h = 0, n = 0;
        for (Matcher m = WORDS.matcher(s); m.find(); n++) h = mix(h, m.group().hashCode() + m.start());
        String t = s.toString();
        byte[] u = t.getBytes(StandardCharsets.UTF_8);
        String back = new String(u, StandardCharsets.UTF_8);
        String joined = t.lines().sorted().distinct().limit(50).collect(Collectors.joining("|"));
        return h + " " + n + " " + u.length + " " + back.equals(t) + " " + joined.hashCode() + " " + t.toUpperCase(Locale.ROOT).hashCode()
            + " " + t.indexOf("123 key=1") + " " + t.replace("xy", "<>").hashCode() + " " + "ab".repeat(50).compareTo("ab".repeat(49) + "ac");
    }

    static String digests() throws Exception {
        byte[] data = new byte[100000];
        Rng r = new Rng(1);
        for (int i = 0; i < data.length; i++) data[i] = (byte) (r.next() >> (i % 7));
        StringBuilder s = new StringBuilder();
        for (String name : new String[] {"SHA-256", "MD5", "SHA-1", "SHA-512", "SHA3-256"})
            s.append(String.format("%08x ", Arrays.hashCode(MessageDigest.getInstance(name).digest(data))));
        CRC32 c = new CRC32(); c.update(data);
        CRC32C k = new CRC32C(); k.update(data);
        Adler32 a = new Adler32(); a.update(data);
        Deflater d = new Deflater(); d.setInput(data); d.finish();
        byte[] packed = new byte[200000];
        int n = d.deflate(packed);
        Inflater i = new Inflater(); i.setInput(packed, 0, n);
        byte[] out = new byte[data.length];
        i.inflate(out);
        javax.crypto.Cipher aes = javax.crypto.Cipher.getInstance("AES/CBC/PKCS5Padding");
        aes.init(1, new javax.crypto.spec.SecretKeySpec(Arrays.copyOf(data, 16), "AES"), new javax.crypto.spec.IvParameterSpec(new byte[16]));
        return s + Long.toHexString(c.getValue()) + " " + Long.toHexString(k.getValue()) + " " + Long.toHexString(a.getValue())
            + " " + Arrays.equals(data, out) + " " + Arrays.hashCode(aes.doFinal(data));
    }

    // ---- Collections, threads ----
    static String collections() {
        Rng r = new Rng(31);
        HashMap<Integer, Long> m = new HashMap<>();
        TreeMap<String, Integer> t = new TreeMap<>();
        PriorityQueue<Long> q = new PriorityQueue<>();
        ArrayDeque<Integer> d = new ArrayDeque<>();
        for (int i = 0; i < 8000; i++) {
            int k = r.below(700);
            m.merge(k, (long) i, Long::sum); t.put("k" + k % 211, i); q.add((long) r.next()); d.addLast(k);
            if (i % 5 == 0) { m.remove(r.below(700)); d.pollFirst(); q.poll(); }
            if (i % 17 == 0) t.pollFirstEntry();
        }
        int h = mix(m.hashCode(), t.hashCode());
        while (!q.isEmpty()) h = mix(h, q.poll());
        h = mix(h, d.stream().mapToInt(x -> x).sum());
        return h + " " + IntStream.range(0, 5000).parallel().filter(x -> x % 3 != 0).mapToLong(x -> (long) x * x).sum()
            + " " + Stream.iterate(1, x -> x * 7 % 1009).limit(500).collect(Collectors.groupingBy(x -> x % 10, TreeMap::new, Collectors.summingInt(x -> x)));
    }

    static String threads() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        AtomicLong atomic = new AtomicLong();
        LongAdder adder = new LongAdder();
        ConcurrentHashMap<Integer, Integer> map = new ConcurrentHashMap<>();
        long[] plain = new long[1];
        Object lock = new Object();
        SynchronousQueue<Integer> hand = new SynchronousQueue<>();
        List<Future<Integer>> all = new ArrayList<>();
        for (int n = 0; n < 4; n++) {
            int me = n;
            all.add(pool.submit(() -> {
                for (int i = 0; i < 5000; i++) {
                    atomic.updateAndGet(v -> v * 3 % 1000003 + 1 - 1); atomic.getAndAdd(0); adder.add(i);
                    synchronized (lock) { plain[0] += me + 1; }
                    map.merge(i % 97, 1, Integer::sum);
                }
                int sum = 0;
                for (int i = 0; i < 200; i++) if ((me & 1) == 0) hand.put(i); else sum += hand.take();
                return sum;
            }));
        }
        int sum = 0;
        for (Future<Integer> f : all) sum += f.get();
        pool.shutdown();
        return adder.sum() + " " + plain[0] + " " + map.values().stream().mapToInt(x -> x).sum() + " " + sum + " " + pool.awaitTermination(9, TimeUnit.SECONDS);
    }

    interface Test { String run() throws Exception; }

    public static void main(String[] args) throws Exception {
        Map<String, Test> tests = new LinkedHashMap<>();
        tests.put("recursion", Check::recursion);
        tests.put("virtual", Check::virtualCalls);
        tests.put("garbage", Check::garbage);
        tests.put("arrays", Check::arrays);
        tests.put("buffers", Check::buffers);
        tests.put("integers", Check::integers);
        tests.put("floats", Check::floats);
        tests.put("big", Check::big);
        tests.put("exceptions", Check::exceptions);
        tests.put("text", Check::text);
        tests.put("digests", Check::digests);
        tests.put("collections", Check::collections);
        tests.put("threads", Check::threads);
        int failed = 0;
        for (Map.Entry<String, Test> t : tests.entrySet()) {
            String first = t.getValue().run();
            System.out.println(t.getKey() + ": " + first);
            for (int i = 1; i < 25; i++) {
                String again = t.getValue().run();
                if (!again.equals(first)) {
                    System.out.println(t.getKey() + ": turn " + i + " gives " + again);
                    failed = 1;
                    break;
                }
            }
        }
        System.exit(failed);
    }
}
