-- Deterministic checks of LuaJIT and the processor under it: each test runs often enough for traces
-- to be recorded, linked, left by their side exits and thrown away, with the compiler and without.
-- What is printed is the same on every architecture; % and tobit of LuaJIT are so only for whole
-- numbers.
local bit, ffi = require("bit"), require("ffi")
local tests, order = {}, {}
local function test(name, f) tests[name] = f; order[#order + 1] = name end
local function mix(h, v) return bit.tobit(bit.bxor(bit.rol(h, 5), v) * 33) end
local function random(s)
    return function()
        s = bit.bxor(s, bit.lshift(s, 13)); s = bit.bxor(s, bit.rshift(s, 17))
        s = bit.bxor(s, bit.lshift(s, 5)); return s
    end
end

test("recursion", function()
    local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
    local function tak(x, y, z)
        if y >= x then return z end
        return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))
    end
    local function count(n, k) if n == 0 then return k end return count(n - 1, k + 1) end
    return fib(20) .. " " .. tak(10, 6, 2) .. " " .. count(30000, 0)
end)

test("types", function() -- a trace for one type, side exits for the others
    local function add(a, b) return a + b end
    local s = 0
    for i = 1, 3000 do s = add(s, i % 3 == 0 and i + 0.5 or i) end
    for i = 1, 300 do s = add(s, tostring(i)) end
    local v = setmetatable({ 7 }, { __add = function(a, b) return type(a) == "table" and a[1] + b or b[1] + a end })
    for i = 1, 300 do s = add(s, v) end
    local h = 0
    for i = 1, 2000 do h = mix(h, i > 1000 and bit.tobit(i * 2 ^ 20) or i) end
    return s .. " " .. h
end)

test("tables", function()
    local t, next_, h = {}, random(77), 0
    for i = 1, 6000 do
        local k = next_() % 501
        t[k] = (t[k] or 0) + i
        if i % 9 == 0 then t[next_() % 501] = nil end
        t["k" .. k] = { i, k, n = i }
    end
    for k = 0, 500 do h = mix(h, t[k] or -1); h = mix(h, (t["k" .. k] or { 0 })[1]) end
    local a = {}
    for i = 1, 800 do a[i] = next_() % 1000 end
    table.sort(a); for i = 1, 800 do h = mix(h, a[i]) end
    table.sort(a, function(x, y) return x % 10 * 1000 + x > y % 10 * 1000 + y end)
    for i = 1, 800 do h = mix(h, a[i]) end
    while #a > 400 do table.remove(a, #a % 37 + 1) end
    return h .. " " .. #table.concat(a, ",")
end)

test("garbage", function()
    local ring, next_ = {}, random(3)
    for i = 1, 20000 do
        local r = next_() % 256
        ring[r] = { ring[next_() % 256], "s" .. i, function() return i end }
        if i % 50 == 0 then for k = 0, 255, 3 do ring[k] = false end end
    end
    local h = 0
    for k = 0, 255 do
        local n, steps = ring[k], 0
        while n and steps < 50 do h = mix(h, n[3]() + #n[2]); n = n[1]; steps = steps + 1 end
    end
    return h
end)

test("strings", function()
    local words, next_ = {}, random(12)
    for i = 1, 400 do words[i] = string.char(97 + next_() % 26) .. (next_() % 1000) .. string.rep("xy", i % 4) end
    local s, h = table.concat(words, " "), 0
    for w, d in s:gmatch("(%a)(%d+)") do h = mix(h, w:byte() + tonumber(d)) end
    local g, n = s:gsub("x(y)", "%1%0"):gsub("%f[%a]%a", string.upper)
    for i = 1, #g, 3 do h = mix(h, g:byte(i)) end
    return h .. " " .. n .. " " .. string.format("%5.3f|%-8s|%x|%q|%g", 3.14159, "ab", 255, "a\nb", 1e300) .. " " .. #s:rep(20):reverse()
end)

test("errors", function()
    local h, closed = 0, 0
    local function f(n)
        if n % 3 == 0 then error({ n }) end
        if n % 5 == 0 then return nil + n end
        if n % 7 == 0 then return ("x").y.z end
        return n
    end
    for i = 1, 600 do
        local ok, e = pcall(f, i)
        h = mix(h, ok and e or type(e) == "table" and e[1] * 7 or 99)
        xpcall(f, function() closed = closed + 1 end, i)
    end
    local function deep() return 1 + deep() end
    return h .. " " .. closed .. " " .. tostring(pcall(deep))
end)

test("coroutines", function()
    local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
    local h = 0
    for i = 1, 60 do for v in gen(i) do h = mix(h, v) end end
    local a, b
    a = coroutine.create(function(x) for i = 1, 500 do x = x + coroutine.yield(x) end return x end)
    local _, v = coroutine.resume(a, 1)
    for i = 1, 500 do _, b = coroutine.resume(a, i) end
    return h .. " " .. v .. " " .. b .. " " .. coroutine.status(a)
end)

test("ffi", function()
    pcall(ffi.cdef, [[typedef struct { uint8_t a; int16_t b; float c; double d; int64_t e; uint32_t f[4]; } rec;]])
    local r, h = ffi.new("rec[?]", 64), 0
    local next_ = random(41)
    for i = 0, 5000 do
        local p = r[i % 64]
        p.a = p.a + i; p.b = p.b - next_(); p.c = p.a * 1.5; p.d = p.d + p.c / 3; p.e = p.e * 3 + next_()
        p.f[i % 4] = bit.rol(p.f[(i + 1) % 4], 3) + i
    end
    local u = 0ULL
    for i = 0, 63 do u = u * 31 + ffi.cast("uint64_t", r[i].e); h = mix(h, r[i].a + r[i].b); h = mix(h, bit.tobit(r[i].f[i % 4])) end
    local x, q = 0x123456789abcdefLL, 0LL
    for i = 1, 3000 do q = q + x / i - x % i; x = x * 6364136223846793005LL + 1442695040888963407LL end
    return h .. " " .. tostring(u) .. " " .. tostring(q) .. " " .. tostring(bit.bxor(x, bit.arshift(x, 7)))
end)

test("numbers", function()
    local h, next_ = 0, random(9001)
    local d, w = ffi.new("double[1]"), nil
    w = ffi.cast("int32_t*", d)
    local function put(v) if v == v then d[0] = v; h = mix(mix(h, w[0]), w[1]) end end
    for i = 1, 4000 do
        local a, b = next_() / 1024, next_() / 65536 + 0.1
        put(a + b); put(a * b); put(a / b); put(math.floor(a) % 977); put(math.floor(a)); put(math.sqrt(math.abs(b)))
        put(math.max(a, b)); put(-a); put(tonumber(tostring(math.floor(a)))); put(math.ceil(b)); put(math.abs(a))
        h = mix(h, bit.tobit(math.floor(a))); h = mix(h, bit.bswap(bit.tobit(math.floor(b * 1000))))
    end
    return h
end)

test("load", function() -- new functions, new traces, over and over
    local h = 0
    for n = 1, 60 do
        local f = loadstring("local a, b = ... local s = " .. n .. " for i = 1, a do s = bit.tobit(s * " .. n + 2 .. " + bit.bxor(b, i)) end return s")
        setfenv(f, { bit = bit })
        for i = 50, 70 do h = mix(h, f(i, n)) end
    end
    return h
end)

local failed = 0
for _, name in ipairs(order) do
    jit.off()
    local first = tostring(tests[name]())
    jit.on()
    print(name .. ": " .. first)
    for turn = 1, 12 do
        if turn % 4 == 0 then jit.flush() end
        local again = tostring(tests[name]())
        if again ~= first then print(name .. ": turn " .. turn .. " gives " .. again); failed = 1; break end
    end
end
os.exit(failed)
