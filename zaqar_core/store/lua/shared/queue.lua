-- queue: what every function begins with. Before it stand KIND, which is "plain", "fair" (groups on a standard queue) or
-- "fifo", and LIMITS, which zaqar_core/limits.py defines.
-- begin: sets what belongs to one call. Q: the queue's first key; q: all that the parts keep during the call, one table,
-- refilled, since making it anew costs more than a command; c: what is remembered of the queue between calls.
-- know: sets c, and M, S, A, L, keys of the dictionary; or returns the error to give back: NOQUEUE; GROUPED (a plain
-- function met a queue that has groups).
-- open: know, the queue's time, and further fields named (in q.f from 4 on). The queue's time never goes back: it is
-- max(server time + virtual offset, last). q.text is q.now as 13 digits: forming texts of numbers is what costs most here.
-- changed: whoever writes what c repeats (settings, has, off, dlq_missing) must say so.
-- mark: notes once and for good what the queue has had, so that others need not look: own ends "e", delays "d",
-- message groups "g", encrypted messages "k", subscriptions "s", notices of them "n".
-- soon: nothing is due before the queue's `due`; something that is due earlier must say so. Then q.sooner is true, and
-- the function must tell a waiter: see wake.
-- The server's globals are looked up once: each look-up costs as much as a small table. They are not there at load time.
-- In a cluster, begin returns MOVING, an error to give back, while keys of the queue's slot are brought to another node
-- one by one: some may be there already, and nothing must be written without them. A key that never is asks for that.
-- uses: KIND, LIMITS, q, Q
local NOQUEUE, GROUPED_QUEUE, NEVER = { err = 'NOQUEUE' }, { err = 'GROUPED' }, '9999999999999'
local M, S, A, L, c
-- What is remembered of queues, by Q; valid as long as the queue's `gen` is the same. c.flying is never less than the
-- number in flight. No more than MOST queues, then all is forgotten.
local MOST, known, number_known = 4096, {}, 0
local function learn(gen)
  local f = call('HMGET', Q, 'inc', 'has', 'off', 'retention_seconds', 'ret0', 'visibility_timeout_seconds',
    'receive_wait_seconds', 'delay_seconds', 'max_message_bytes', 'max_post_bytes', 'dead_letter_queue',
    'max_receive_count', 'dead_letter_ttl_seconds', 'dlq_missing', 'content_based_deduplication', 'scope0', 'horizon',
    'managed_encryption', 'encrypt_messages')
  if number_known >= MOST then known, number_known = {}, 0 end
  if not known[Q] then number_known = number_known + 1 end
  known[Q] = {
    M = Q .. ':m', S = Q .. ':s', A = Q .. ':a', L = Q .. ':l',
    gen = gen, inc = f[1], has = f[2] or '', off = tonumber(f[3] or 0), keep = (f[4] or f[5]) * 1000,
    visibility = (f[6] or LIMITS.DEFAULT_VISIBILITY_SECONDS) * 1000, wait = (f[7] or 0) * 1000, delay = (f[8] or 0) * 1000,
    max_message = f[9], max_post = f[10], dead = f[11] and f[11] ~= '' and f[12] and f[11], most = tonumber(f[12] or 0),
    dead_ttl = tonumber(f[13] or -1), dead_after = tonumber(f[14] or 0), by_content = f[15] == '1',
    by_group = f[16] == 'messageGroup', horizon = tonumber(f[17] or 0), encrypts = f[18] == '1' or f[19] == '1',
  }
  return known[Q]
end
local function know(gen)
  if not gen then return NOQUEUE end
  c = known[Q]
  if not c or c.gen ~= gen then c = learn(gen) end
  M, S, A, L = c.M, c.S, c.A, c.L
  if KIND == 'plain' and string.find(c.has, 'g', 1, true) then return GROUPED_QUEUE end
end
local function open(...)
  local clock = call('TIME')
  q.f = call('HMGET', Q, 'gen', 'now', 'due', ...)
  local wrong = know(q.f[1])
  if wrong == NOQUEUE then return wrong end
  local micros = clock[2]
  q.real = clock[1] .. (#micros == 6 and string.sub(micros, 1, 3) or string.sub('00000' .. micros, -6, -4))
  q.last, q.text = q.f[2], q.real
  if c.off ~= 0 then q.text = string.format('%.0f', q.real + c.off) end
  if q.text < q.last then q.text = q.last end
  q.now = tonumber(q.text)
  q.due = q.f[3] or NEVER
  return wrong
end
local function changed() call('HSET', Q, 'gen', c.inc .. ':' .. call('HINCRBY', Q, 'changes', 1)) end
local function reload() c = learn(call('HGET', Q, 'gen')) end
