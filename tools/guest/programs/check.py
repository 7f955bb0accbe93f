"""Deterministic checks of Python and the processor under it. What is printed is the same on every
architecture (no libm function whose last bit may differ); a second turn must give the same."""
import ctypes, gc, hashlib, heapq, json, os, random, re, signal, struct, subprocess, sys, threading, zlib
from array import array
from decimal import Decimal, getcontext
from fractions import Fraction


def mix(h, v):
    return ((h ^ v) * 0x01000193) & 0xffffffff


def recursion():
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    def queens(n, row=0, cols=0, up=0, down=0):
        if row == n:
            return 1
        free, found = ~(cols | up | down) & ((1 << n) - 1), 0
        while free:
            bit = free & -free
            free ^= bit
            found += queens(n, row + 1, cols | bit, (up | bit) << 1, (down | bit) >> 1)
        return found

    def deep(n):
        return 0 if n == 0 else 1 + deep(n - 1)
    return fib(20), queens(7), deep(900)


def integers():
    r, h = random.Random(1), 0
    for n in (10, 64, 200, 1000, 5000):
        for _ in range(40):
            a, b, m = r.getrandbits(n) - (1 << n - 1), r.getrandbits(n // 2) + 1, r.getrandbits(n // 3 + 2) | 1
            q, rest = divmod(a, b)
            assert q * b + rest == a
            h = mix(h, (a * b ^ a >> 7 ^ q << 3) & 0xffffffff)
            h = mix(h, pow(a, b & 0xfff, m) & 0xffffffff)
            h = mix(h, int(str(a % 10 ** 300)) % 1000003 + a.bit_length() + (a & -a).bit_length())
    return h, len(str(3 ** 8000)), hash(2 ** 127) == hash(2 ** 66)


def floats():
    r, h = random.Random(2), 0
    for _ in range(4000):
        a, = struct.unpack('<d', r.randbytes(8))
        b = r.uniform(-1e6, 1e6)
        for v in (a + b, a * b, b / 3, b // 7.5, b % 7.5, abs(a), -b, round(b, 2), b ** 2, b * b - a, float(repr(b)), float(int(b))):
            h = mix(h, 0 if v != v else struct.unpack('<Q', struct.pack('<d', v))[0] % 4294967291)
        h = mix(h, struct.unpack('<I', struct.pack('<f', b))[0])
        h = mix(h, (a < b) + 2 * (a == b) + zlib.crc32(('%.12g %r' % (b, b)).encode()))
    return h, sum(i / 7 for i in range(1000)), 2.0 ** 0.5


def exact():
    getcontext().prec = 60
    x = Decimal(2)
    for i in range(1, 120):
        x = (x + Decimal(i) / x).quantize(Decimal(10) ** -50)
    return x, Decimal(10).ln(), sum(Fraction(1, n) for n in range(1, 90)).numerator % 1000003


def text():
    r = random.Random(3)
    s = ''.join(r.choice(['key=', '123 ', 'été ', 'xyyz', '\n', '😀', 'Bc', 'ß']) for _ in range(2000))
    found = [re.findall(p, s, re.I | re.M) for p in
             (r'(\w+)=(\d+)', r'^.*z$', r'(?<=x)y+?(?!z)', r'[^\x00-\x7f]+', r'(?P<a>[bc])\s*(?P=a)?', r'\b\w{3,}\b')]
    t = re.sub(r'(\w)(\d)', lambda m: m[2] + m[1], s)
    return [len(f) for f in found], zlib.crc32(repr(found).encode()), zlib.crc32(t.encode()), s.encode('utf-16-le').decode('utf-16-le') == s, \
        zlib.crc32(s.upper().casefold().encode()), zlib.crc32(('%-20s|%08x|{:,}'.format(1234567) % ('a', 77)).encode())


def collections_():
    r, d, h = random.Random(4), {}, 0
    for i in range(20000):
        k = r.randrange(1500)
        d[k] = d.get(k, 0) + i
        if i % 3 == 0:
            d.pop(r.randrange(1500), None)
        d[f's{k}'] = (i, k)
    for k, v in sorted(d.items(), key=lambda p: (str(p[0]), str(p[1]))):
        h = mix(h, zlib.crc32(f'{k}{v}'.encode()))
    heap = []
    for i in range(3000):
        heapq.heappush(heap, r.random())
    order = [heapq.heappop(heap) for _ in range(3000)]
    return h, len(d), order == sorted(order), len({frozenset((a % 7, a % 11)) for a in range(500)}), \
        zlib.crc32(json.dumps(json.loads(json.dumps({str(k): v for k, v in d.items()})), sort_keys=True).encode())


def garbage():
    class Node:
        alive = 0

        def __init__(self, next_):
            self.next, self.me, self.data = next_, self, [0] * 10
            Node.alive += 1

        def __del__(self):
            Node.alive -= 1
    head = None
    for i in range(20000):
        head = Node(head if i % 50 else None)
    gc.collect()
    now = Node.alive
    del head
    gc.collect()
    return now, Node.alive


def errors():
    h, done = 0, 0

    def f(n):
        nonlocal done
        try:
            if n % 3 == 0:
                raise KeyError(n)
            if n % 5 == 0:
                return 1 // (n - n)
            if n % 7 == 0:
                return [][n]
            if n % 11 == 0:
                return int('x')
            return n
        finally:
            done += 1
    for i in range(3000):
        try:
            h = mix(h, f(i))
        except Exception as e:
            h = mix(h, zlib.crc32(type(e).__name__.encode()))

    def over():
        return over()
    try:
        over()
    except RecursionError:
        h = mix(h, 1)
    return h, done


def generators():
    def walk(n):
        if n:
            yield from walk(n - 1)
            got = yield n
            h.append(got)
            yield from walk(n // 3)
    h, s, g = [], 0, walk(40)
    v = next(g)
    try:
        while True:
            s = mix(s, v)
            v = g.send(s)
    except StopIteration:
        pass
    return s, len(h), mix(0, sum(x & 0xffff for x in h if x))


def digests():
    data = random.Random(5).randbytes(300000)
    packed = zlib.compress(data[:1000] * 100, 9)
    return [hashlib.new(n, data).hexdigest()[:16] for n in ('md5', 'sha1', 'sha256', 'sha512', 'sha3_256', 'blake2b')], \
        len(packed), zlib.decompress(packed) == data[:1000] * 100, zlib.crc32(data), zlib.adler32(data)


def foreign():
    """C calls Python calls C."""
    libc = ctypes.CDLL(None)
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    r = random.Random(6)
    values = (ctypes.c_int * 500)(*(r.randrange(-1000, 1000) for _ in range(500)))
    libc.qsort(values, 500, 4, compare(lambda a, b: a[0] - b[0]))
    libc.strtod.restype = ctypes.c_double
    a = array('h', (r.randrange(-30000, 30000) for _ in range(2000)))
    a.byteswap()
    return list(values) == sorted(values), libc.strtod(b'3.25', None), zlib.crc32(a.tobytes()), zlib.crc32(bytes(memoryview(a.tobytes())[::-3]))


def threads():
    lock, total, turn = threading.Lock(), [0], threading.Condition()
    state = [0]

    def work(me):
        for _ in range(3000):
            with lock:
                total[0] += me
        for i in range(60):
            with turn:
                turn.wait_for(lambda: state[0] % 4 == me)
                state[0] += 1
                turn.notify_all()
    all_ = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in all_:
        t.start()
    for t in all_:
        t.join()
    return total[0], state[0]


def processes():
    h = 0
    for i in range(12):
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(w, struct.pack('<I', mix(i, 12345)))
            os._exit(i)
        h = mix(h, struct.unpack('<I', os.read(r, 4))[0] + os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os.close(r), os.close(w)
    hits = []
    signal.signal(signal.SIGUSR1, lambda n, f: hits.append(n == signal.SIGUSR1))
    for _ in range(50):
        os.kill(os.getpid(), signal.SIGUSR1)
    return h, sum(hits), subprocess.run(['sh', '-c', 'cat | tr a-z A-Z | rev'], input=b'hello\n', capture_output=True).stdout


failed = 0
for test in (recursion, integers, floats, exact, text, collections_, garbage, errors, generators, digests, foreign, threads, processes):
    first = test()
    print(f'{test.__name__}: {first}')
    for again in range(3):
        now = test()
        if now != first:
            print(f'{test.__name__}: turn {again} gives {now}')
            failed = 1
sys.exit(failed)
