-- queue: what every script begins with.
-- Q: the queue's first key. real: server time, ms. open() reads the queue's settings and its own time.
-- The queue's time never goes back, also when the server's clock does: max(server time + virtual offset, last).
local Q = KEYS[1]
local call = redis.call
local clock = call('TIME')
local real = clock[1] * 1000 + math.floor(clock[2] / 1000)
local M, S, R, L, D, X = Q .. ':m', Q .. ':s', Q .. ':r', Q .. ':l', Q .. ':d', Q .. ':x'
local E, B, I, C, CX, W = Q .. ':e', Q .. ':b', Q .. ':i', Q .. ':c', Q .. ':cx', Q .. ':w'
-- mark() notes once and for good that the queue has had an own end ('e') or a delay ('d'): others skip those indexes.
local q = {}
local function open(...)
  local f = call('HMGET', Q, 'inc', 'now', 'off', 'retention_seconds', 'ret0', 'has', ...)
  if not f[1] then return false end
  q.f, q.has = f, f[6] or ''
  q.inc = f[1]
  q.last = tonumber(f[2])
  q.now = math.max(real + (tonumber(f[3]) or 0), q.last)
  q.keep = (tonumber(f[4] or f[5])) * 1000
  return true
end
local function mark(what)
  if not string.find(q.has, what, 1, true) then
    q.has = q.has .. what
    call('HSET', Q, 'has', q.has)
  end
end
local function remember_now()
  if q.now - q.last >= 1000 then call('HSET', Q, 'now', q.now) end
end
local NOQUEUE = { err = 'NOQUEUE' }
