-- ready: how messages change their place in a standard queue that has message groups (tenants). Messages without a group
-- stand as in plain/ready. A tenant's receivable ones stand in gm, in order; tq holds quiet tenants that have such
-- messages by their oldest seq, tn noisy ones by what they have in flight. Verbs as in plain/ready.
-- AWS's rule: a tenant is noisy once it has over a tenth of what is in flight and at least 30, or took over a tenth of
-- recent processing time (here: halved every minute); it is quiet again when none of its messages waits, or when it
-- has sent nothing for SILENT_MS.
-- uses: A, c, GID, gid_of, L, mark, q, Q, S, soon, START, state_of
local LEASED, DELAYED, GROUPED = 1125899906842624, 2251799813685248, 3377699720527872
local FEWEST_IN_FLIGHT, SILENT_MS, HALVED_MS, TURNS = 30, 300000, 60000, 8589934592
local IN, LAST, BUSY, AT, NOISY, LIFTED = 1, 2, 3, 4, 5, 6
local function member(gid, seq) return gid .. struct.pack('>I8', tonumber(seq)) end
local function seq_in(one) return string.format('%.0f', struct.unpack('>I8', one, 9)) end
local function oldest(gid)
  return call('ZRANGEBYLEX', Q .. ':gm', '[' .. gid, '(' .. gid .. '\255', 'LIMIT', 0, 1)[1]
end
-- what a tenant has: in flight, last send ms, processing ms as of AT, noisy 0/1, and what this script has just taken
local function tenant(gid)
  q.tenants = q.tenants or {}
  if not q.tenants[gid] then
    local packed = call('HGET', Q .. ':gc', gid)
    local known = packed and cmsgpack.unpack(packed) or { 0, q.now, 0, q.now, 0 }
    known[BUSY] = known[BUSY] * 2 ^ ((known[AT] - q.now) / HALVED_MS)
    known[AT], known[LIFTED] = q.now, 0
    q.tenants[gid] = known
  end
  return q.tenants[gid]
end
local function all_tenants()
  if not q.total then
    local f = call('HMGET', Q, 'busy', 'busy_at')
    q.total = (f[1] or 0) * 2 ^ (((f[2] or q.now) - q.now) / HALVED_MS)
  end
  return q.total
end
local function released(gid, start)
  local took = math.max(q.now - (start or q.now), 1)
  q.total = all_tenants() + took
  if gid ~= '' then
    local it = tenant(gid)
    it[IN], it[BUSY] = math.max(it[IN] - 1, 0), it[BUSY] + took
  end
end
local function index(gid)
  local it, head = tenant(gid), oldest(gid)
  if not head then
    it[NOISY] = 0
    call('ZREM', Q .. ':tq', gid)
    call('ZREM', Q .. ':tn', gid)
    return
  end
  local flying = it[IN] + it[LIFTED]
  if q.now - it[LAST] > SILENT_MS then
    it[NOISY] = 0
  elseif
    flying >= FEWEST_IN_FLIGHT and flying * 10 > call('ZCARD', L)
    or it[BUSY] > 0 and it[BUSY] * 10 > all_tenants()
  then
    it[NOISY] = 1
  end
  if it[NOISY] == 1 then
    call('ZREM', Q .. ':tq', gid)
    call('ZADD', Q .. ':tn', flying * TURNS + call('HINCRBY', Q, 'turn', 1) % TURNS, gid)
  else
    call('ZREM', Q .. ':tn', gid)
    call('ZADD', Q .. ':tq', seq_in(head), gid)
  end
end
local function settle()
  for gid, it in pairs(q.tenants or {}) do
    index(gid)
    if it[IN] == 0 and not oldest(gid) then
      call('HDEL', Q .. ':gc', gid)
    else
      call('HSET', Q .. ':gc', gid, cmsgpack.pack({ it[IN], it[LAST], it[BUSY], it[AT], it[NOISY] }))
    end
  end
  if q.total then call('HSET', Q, 'busy', q.total, 'busy_at', q.now) end
  q.tenants, q.total = nil, nil
  return 0
end
local function place(seq, record, known)
  local gid = gid_of(record)
  if gid == '' then
    call('ZADD', A, known and seq + 0.5 or seq, seq)
    return
  end
  mark('g')
  call('ZADD', A, seq + GROUPED, seq)
  call('ZADD', Q .. ':gm', 0, member(gid, seq))
  local it = tenant(gid)
  if not known then it[LAST] = q.now end
end
local function back(seqs)
  local states = call('HMGET', S, unpack(seqs))
  for i, seq in ipairs(seqs) do
    local state = state_of(states[i])
    local gid = state[GID] or ''
    released(gid, state[START])
    if gid == '' then
      call('ZADD', A, seq + 0.5, seq)
    else
      call('ZADD', A, seq + GROUPED, seq)
      call('ZADD', Q .. ':gm', 0, member(gid, seq))
    end
  end
end
local function hold(taken, ends)
  for _, one in ipairs(taken) do
    call('ZADD', A, one[1] + LEASED, one[1])
    call('ZADD', L, ends, one[1])
    local gid = one[3][GID]
    if gid ~= '' then
      local it = tenant(gid)
      it[IN], it[LIFTED] = it[IN] + 1, 0
    end
  end
  soon(ends)
  c.flying = c.flying and c.flying + #taken
end
local function again(seq, ends)
  local gid = state_of(call('HGET', S, seq))[GID] or ''
  call('ZADD', A, seq + LEASED, seq)
  if call('ZADD', L, ends, seq) == 1 and gid ~= '' then
    call('ZREM', Q .. ':gm', member(gid, seq))
    local it = tenant(gid)
    it[IN] = it[IN] + 1
  end
  soon(ends)
  c.flying = nil
end
local function unindex(gone, seqs)
  call('ZREM', A, unpack(seqs))
  for _, one in ipairs(gone) do
    local gid = one[4] or ''
    if call('ZREM', L, one[1]) == 1 then
      released(gid, one[5])
    elseif gid ~= '' then
      call('ZREM', Q .. ':gm', member(gid, one[1]))
      tenant(gid)
    end
  end
end
