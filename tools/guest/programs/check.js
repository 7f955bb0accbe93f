// Deterministic checks of a JavaScript engine and the processor under it. Each test runs often enough
// to pass through the interpreter, the compilers and back (deoptimisation); a result that changes from
// one tier to the next is an error. What is printed is the same on every architecture.
'use strict';
const tests = {};

function mix(h, v) { return Math.imul(h ^ v, 0x01000193) >>> 0; }
function random(seed) {
    let s = seed >>> 0;
    return () => { s ^= s << 13; s >>>= 0; s ^= s >>> 17; s ^= s << 5; s >>>= 0; return s; };
}

tests.recursion = () => {
    const fib = n => (n < 2 ? n : fib(n - 1) + fib(n - 2));
    const ack = (m, n) => (m === 0 ? n + 1 : n === 0 ? ack(m - 1, 1) : ack(m - 1, ack(m, n - 1)));
    let depth = 0;
    (function down() { depth++; if (depth < 5000) down(); })();
    return [fib(21), ack(2, 60), depth].join();
};

// A function that sees integers, then doubles, then strings, objects: it is compiled for the first
// and must fall back for the others.
tests.deopt = () => {
    function add(a, b) { return a + b; }
    function field(o) { return o.x; }
    let sum = 0;
    for (let i = 0; i < 3000; i++) sum = add(sum, i);
    for (let i = 0; i < 3000; i++) sum = add(sum, i + 0.25);
    for (let i = 0; i < 100; i++) sum = add(sum, 0x7fffffff);
    const text = add('s', add(sum, 'x'));
    let f = 0;
    const shapes = [{ x: 1 }, { y: 2, x: 3 }, { z: 0, y: 2, x: 5.5 }, { a: 0, x: 7 }, { b: 0, x: -0 }];
    for (let i = 0; i < 5000; i++) f += field(shapes[i < 2500 ? 0 : i % 5]);
    let of = 0x7ffffff0, overflow = 0;
    for (let i = 0; i < 64; i++) { of += 1; overflow = mix(overflow, of % 1000); }
    return text + ',' + f + ',' + overflow;
};

tests.garbage = () => {
    const next = random(7);
    const ring = new Array(512).fill(null);
    let h = 0x811c9dc5;
    for (let i = 0; i < 30000; i++) {
        const r = next() % 512;
        ring[r] = { left: ring[next() % 512], text: 'n' + i, list: [i, r, next() & 255] };
        if (i % 64 === 0) for (let k = 0; k < 512; k += 3) ring[k] = null;
    }
    let count = 0;
    for (let n of ring) {
        let steps = 0;
        while (n && steps++ < 100) { h = mix(h, n.list[2] + n.text.length); count++; n = n.left; }
    }
    return h + ',' + count;
};

tests.typed = () => {
    const bytes = new ArrayBuffer(8192), next = random(99);
    const u8 = new Uint8Array(bytes), i16 = new Int16Array(bytes), i32 = new Int32Array(bytes);
    const f32 = new Float32Array(64), f64 = new Float64Array(64), view = new DataView(bytes);
    const clamped = new Uint8ClampedArray(64);
    for (let i = 0; i < i32.length; i++) i32[i] = next();
    let h = 0;
    for (let i = 0; i < 4000; i++) {
        const at = next() % 8180;
        view.setInt16(at, i16[at >> 1] + i, (i & 1) === 0);
        view.setUint32(next() % 8180, view.getInt32(at, true) >>> 3, false);
        f64[i & 63] += view.getUint16(at, true) / 7;
        f32[i & 63] = f64[i & 63] * 1.1;
        clamped[i & 63] = u8[at] * 1.5 - 40;
        h = mix(h, (f32[i & 63] | 0) + clamped[i & 63]);
        h = mix(h, view.getBigUint64(at & ~7, true) % 1000003n === 0n ? 1 : Number(view.getInt8(at)));
    }
    u8.copyWithin(100, 1000, 3000);
    i16.sort();
    for (let i = 0; i < u8.length; i += 5) h = mix(h, u8[i]);
    return h + ',' + f64.reduce((a, b) => a + b, 0);
};

tests.bigint = () => {
    let f = 1n;
    for (let i = 1n; i <= 300n; i++) f *= i;
    let a = 0n, b = 1n;
    for (let i = 0; i < 2000; i++) [a, b] = [b, a + b];
    let p = 1n;
    const m = (1n << 521n) - 1n;
    for (let i = 0, e = 0x123456789abcdef123456789abcdefn, x = 3n; i < 121; i++, e >>= 1n) {
        if (e & 1n) p = p * x % m;
        x = x * x % m;
    }
    let d = f;
    for (let i = 300n; i > 100n; i--) d /= i;
    return [f % 1000000007n, a % 1000000009n, p % (1n << 64n), d % 999999937n,
            (-f >> 77n) % 65537n, BigInt.asIntN(64, a ^ f), f.toString(36).length].join();
};

tests.regexp = () => {
    const next = random(5);
    let text = '';
    for (let i = 0; i < 600; i++) text += ['foo', 'bar12', ' 2026-11-', 'Ärger ', 'x=y;', '\n', '😀', 'aab'][next() % 8];
    const found = [
        text.match(/\d{4}-\d\d-/g), text.match(/(?<name>\w+)=(?<value>\w)/gu), text.match(/(a+)b\1?/g),
        text.match(/^.*foo.*$/gm), text.match(/\p{Lu}\p{Ll}+/gu), text.match(/(?<=foo)bar(?=12)(?!123)/g),
        text.split(/[\s;]+/), text.match(/(?:foo|bar\d*)+/g), text.match(/[^\x00-\x7f]/gu)];
    let h = 0;
    for (const f of found) for (const w of f || []) for (let i = 0; i < w.length; i++) h = mix(h, w.charCodeAt(i));
    const swapped = text.replace(/(\w)(\d)/g, (_, a, b) => b + a).replace(/o{2}/g, '$&$&');
    return h + ',' + found.map(f => (f ? f.length : -1)).join() + ',' + swapped.length;
};

tests.exceptions = () => {
    class Mine extends Error { constructor(n) { super('e' + n); this.n = n; } }
    let h = 0, final = 0;
    function thrower(n) {
        try {
            if (n % 3 === 0) throw new Mine(n);
            if (n % 5 === 0) return null.x;
            if (n % 7 === 0) return undefinedFunction();
            if (n % 11 === 0) return new Array(-1);
            return n;
        } finally { final++; }
    }
    for (let i = 1; i < 800; i++) {
        try { h = mix(h, thrower(i)); } catch (e) { h = mix(h, e instanceof Mine ? e.n * 31 : e.constructor.name.length); }
    }
    let overflow = 0;
    try { (function f() { f(); })(); } catch (e) { overflow = e instanceof RangeError; }
    return [h, final, overflow].join();
};

tests.generators = () => {
    function* walk(n) { if (n > 0) { yield* walk(n - 1); yield n; yield* walk(n - 2); } }
    let h = 0;
    for (const v of walk(12)) h = mix(h, v);
    const p = new Proxy({}, { get: (t, k) => String(k).length, has: () => true });
    const { alpha, ...rest } = { alpha: 1, beta: 2, gamma: [3, ...[4, 5]] };
    return [h, p.hello, 'z' in p, JSON.stringify(rest), alpha].join();
};

tests.numbers = () => {
    const next = random(31337);
    const scratch = new DataView(new ArrayBuffer(8));
    let h = 0;
    for (let i = 0; i < 3000; i++) {
        scratch.setUint32(0, next()); scratch.setUint32(4, next());
        const d = scratch.getFloat64(0), e = (next() - 0x80000000) / 1024;
        for (const v of [d, e, d * e, e / 3, Math.sqrt(Math.abs(e)), Math.fround(e), Math.floor(e), Math.round(e),
                         Math.trunc(d), e % 7.5, -d, Math.min(d, e), Math.hypot(3, 4), Number((e).toFixed(2))]) {
            scratch.setFloat64(0, Number.isNaN(v) ? 0 : v);
            h = mix(mix(h, scratch.getUint32(0)), scratch.getUint32(4));
        }
        h = mix(h, d | 0); h = mix(h, e >>> 3); h = mix(h, Math.clz32(e));
        if (i % 8 === 0) for (const c of String(e) + parseFloat(String(d)) + e.toExponential(5)) h = mix(h, c.charCodeAt(0));
    }
    return String(h);
};

tests.collections = () => {
    const m = new Map(), s = new Set(), next = random(11), o = {};
    for (let i = 0; i < 8000; i++) {
        const k = next() % 997;
        m.set(k, (m.get(k) || 0) + i); s.add('k' + (k % 131)); o['p' + (k % 300)] = i;
        if (i % 7 === 0) m.delete(next() % 997);
        if (i % 13 === 0) delete o['p' + (next() % 300)];
    }
    const sorted = [...m].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
    let h = 0;
    for (const [k, v] of sorted) h = mix(mix(h, k), v);
    return [h, m.size, s.size, Object.keys(o).length, JSON.stringify(JSON.parse(JSON.stringify(o))).length].join();
};

// add(x) = x + n as WebAssembly, made and compiled again and again: new code in old memory.
tests.wasm = () => {
    let h = 0;
    for (let n = 0; n < 24; n++) {
        const code = [0x20, 0, 0x41, n, 0x6a, 0x20, 0, 0x6c, 0x0b]; // (x + n) * x
        const module = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 3, 2, 1, 0,
                                       7, 5, 1, 1, 0x66, 0, 0, 0x0a, code.length + 3, 1, code.length + 1, 0, ...code]);
        const { f } = new WebAssembly.Instance(new WebAssembly.Module(module)).exports;
        for (let i = 0; i < 500; i++) h = mix(h, f(i * 77));
    }
    return String(h);
};

tests.compile = () => {
    let h = 0;
    for (let n = 0; n < 40; n++) {
        const f = new Function('a', 'b', `let s = ${n}; for (let i = 0; i < a; i++) s = (s * ${n + 3} + (b ^ i)) | 0; return s;`);
        for (let i = 0; i < 60; i++) h = mix(h, f(i, n * i));
    }
    return String(h);
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
    const first = test();
    console.log(`${name}: ${first}`);
    for (let i = 0; i < 12; i++) {
        const again = test();
        if (again !== first) { console.log(`${name}: turn ${i} gives ${again}`); failed = 1; break; }
    }
}

async function threads() {
    const { Worker } = require('worker_threads');
    const shared = new Int32Array(new SharedArrayBuffer(64));
    const source = `const { workerData: s, parentPort: p } = require('worker_threads');
        for (let i = 0; i < 20000; i++) { Atomics.add(s, 0, 1); Atomics.xor(s, 1, i);
            while (Atomics.compareExchange(s, 2, 0, 1) !== 0); s[3] += 3; Atomics.store(s, 2, 0); }
        p.postMessage(Atomics.load(s, 0) > 0);`;
    await Promise.all([0, 1, 2].map(() => new Promise((ok, no) => {
        const w = new Worker(source, { eval: true, workerData: shared });
        w.on('error', no); w.on('exit', ok);
    })));
    console.log(`threads: ${shared[0]} ${shared[3]}`);
    const order = [];
    await Promise.all([3, 1, 2].map(async n => { for (let i = 0; i < n; i++) await null; order.push(n); }));
    console.log(`promises: ${order}`);
    const zlib = require('zlib'), crypto = require('crypto');
    const data = Buffer.from(Array.from({ length: 50000 }, (_, i) => (i * i >> 5) & 255));
    const back = zlib.inflateSync(zlib.deflateSync(data, { level: 6 }));
    console.log(`zlib: ${back.equals(data)} ${crypto.createHash('sha256').update(back).digest('hex')}`);
}
threads().then(() => process.exit(failed), e => { console.log(String(e)); process.exit(1); });
