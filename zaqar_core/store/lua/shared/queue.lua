-- queue: what every function begins with. KIND stands before it: "plain", "fair" (groups on a standard queue) or "fifo".
-- begin: sets what belongs to one call. Q: the queue's first key; M, S, A, L as the key dictionary says; ARGV; q: all
-- that the parts keep during the call. Nothing else may outlive a call.
-- open: the queue's life, its settings named, and its time: max(server time + virtual offset, last), never going back.
-- It returns the error to give back, or nil: NOQUEUE; GROUPED (a plain script met a queue that has groups).
-- mark: notes once and for good what the queue has had, so that others need not look: own ends "e", delays "d",
-- a dead-letter queue "r", message groups "g".
-- soon: nothing is due before q.due; something that is due earlier must say so.
local Q, M, S, A, L, ARGV, q, call
local function begin(keys, args)
  Q, ARGV, q, call = keys[1], args, {}, redis.call
  M, S, A, L = Q .. ':m', Q .. ':s', Q .. ':a', Q .. ':l'
end
local NOQUEUE, GROUPED_QUEUE = { err = 'NOQUEUE' }, { err = 'GROUPED' }
local function open(...)
  local clock = call('TIME')
  local f = call('HMGET', Q, 'inc', 'now', 'off', 'has', 'due', 'retention_seconds', 'ret0', ...)
  if not f[1] then return NOQUEUE end
  q.f, q.inc, q.has = f, f[1], f[4] or ''
  q.real = clock[1] * 1000 + math.floor(clock[2] / 1000)
  q.last = tonumber(f[2])
  q.now = math.max(q.real + (f[3] or 0), q.last)
  q.due = tonumber(f[5] or math.huge)
  q.keep = (f[6] or f[7]) * 1000
  if KIND == 'plain' and string.find(q.has, 'g', 1, true) then return GROUPED_QUEUE end
end
local function had(what) return string.find(q.has, what, 1, true) end
local function mark(what)
  if not had(what) then
    q.has = q.has .. what
    call('HSET', Q, 'has', q.has)
  end
end
local function soon(at)
  if at < q.due then
    q.due = at
    call('HSET', Q, 'due', at)
  end
end
local function remember_now()
  if q.now - q.last >= 1000 then call('HSET', Q, 'now', q.now) end
end
