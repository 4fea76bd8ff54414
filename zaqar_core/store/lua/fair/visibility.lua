-- visibility: as plain/visibility, for a standard queue that has message groups (tenants). Messages without a group are
-- as there. The visible messages of a tenant are in Q:gm, in order; Q:tq holds quiet tenants that have such messages by
-- their oldest seq, Q:tn noisy ones by their number in flight.
-- AWS's rule: a tenant is noisy once it has over a tenth of the messages in flight and at least 30, or used over a
-- tenth of recent processing time (here: halved every minute); it is quiet again when none of its messages waits, or
-- when it has sent nothing for SILENT_MS.
-- uses: base_key, context, GID, gid_of, group_member, GROUPED, LEASED, leases_key, lower_due, mark_feature, now_ms
-- uses: order_key, queue, seq_of_member, START, state_of, states_key
local FEWEST_IN_FLIGHT, SILENT_MS, HALVED_MS, TURN_RANGE = 30, 300000, 60000, 8589934592
local IN_FLIGHT, LAST_SENT, BUSY_MS, BUSY_AT, NOISY, JUST_TAKEN = 1, 2, 3, 4, 5, 6
local function oldest_in_group(gid)
  return call('ZRANGEBYLEX', base_key .. ':gm', '[' .. gid, '(' .. gid .. '\255', 'LIMIT', 0, 1)[1]
end
-- a tenant: number in flight, last send ms, processing ms as of BUSY_AT, noisy 0/1, and the number that this call took
local function tenant(gid)
  context.tenants = context.tenants or {}
  if not context.tenants[gid] then
    local packed = call('HGET', base_key .. ':gc', gid)
    local known = packed and cmsgpack.unpack(packed) or { 0, now_ms, 0, now_ms, 0 }
    known[BUSY_MS] = known[BUSY_MS] * 2 ^ ((known[BUSY_AT] - now_ms) / HALVED_MS)
    known[BUSY_AT], known[JUST_TAKEN] = now_ms, 0
    context.tenants[gid] = known
  end
  return context.tenants[gid]
end
local function processing_of_all()
  if not context.processing_ms then
    local f = call('HMGET', base_key, 'busy', 'busy_at')
    context.processing_ms = (f[1] or 0) * 2 ^ (((f[2] or now_ms) - now_ms) / HALVED_MS)
  end
  return context.processing_ms
end
local function record_release(gid, start)
  local took = math.max(now_ms - (start or now_ms), 1)
  context.processing_ms = processing_of_all() + took
  if gid ~= '' then
    local it = tenant(gid)
    it[IN_FLIGHT], it[BUSY_MS] = math.max(it[IN_FLIGHT] - 1, 0), it[BUSY_MS] + took
  end
end
local function index_tenant(gid)
  local it, head = tenant(gid), oldest_in_group(gid)
  if not head then
    it[NOISY] = 0
    call('ZREM', base_key .. ':tq', gid)
    call('ZREM', base_key .. ':tn', gid)
    return
  end
  local in_flight = it[IN_FLIGHT] + it[JUST_TAKEN]
  if now_ms - it[LAST_SENT] > SILENT_MS then
    it[NOISY] = 0
  elseif
    in_flight >= FEWEST_IN_FLIGHT and in_flight * 10 > call('ZCARD', leases_key)
    or it[BUSY_MS] > 0 and it[BUSY_MS] * 10 > processing_of_all()
  then
    it[NOISY] = 1
  end
  if it[NOISY] == 1 then
    call('ZREM', base_key .. ':tq', gid)
    call('ZADD', base_key .. ':tn', in_flight * TURN_RANGE + call('HINCRBY', base_key, 'turn', 1) % TURN_RANGE, gid)
  else
    call('ZREM', base_key .. ':tn', gid)
    call('ZADD', base_key .. ':tq', seq_of_member(head), gid)
  end
end
local function update_groups()
  for gid, it in pairs(context.tenants or {}) do
    index_tenant(gid)
    if it[IN_FLIGHT] == 0 and not oldest_in_group(gid) then
      call('HDEL', base_key .. ':gc', gid)
    else
      local packed = cmsgpack.pack({ it[IN_FLIGHT], it[LAST_SENT], it[BUSY_MS], it[BUSY_AT], it[NOISY] })
      call('HSET', base_key .. ':gc', gid, packed)
    end
  end
  if context.processing_ms then call('HSET', base_key, 'busy', context.processing_ms, 'busy_at', now_ms) end
  context.tenants, context.processing_ms = nil, nil
  return 0
end
local function make_visible(seq, record, known)
  local gid = gid_of(record)
  if gid == '' then
    call('ZADD', order_key, known and seq + 0.5 or seq, seq)
    return
  end
  mark_feature('g')
  call('ZADD', order_key, seq + GROUPED, seq)
  call('ZADD', base_key .. ':gm', 0, group_member(gid, seq))
  local it = tenant(gid)
  if not known then it[LAST_SENT] = now_ms end
end
local function release(seqs)
  local states = call('HMGET', states_key, unpack(seqs))
  for i, seq in ipairs(seqs) do
    local state = state_of(states[i])
    local gid = state[GID] or ''
    record_release(gid, state[START])
    if gid == '' then
      call('ZADD', order_key, seq + 0.5, seq)
    else
      call('ZADD', order_key, seq + GROUPED, seq)
      call('ZADD', base_key .. ':gm', 0, group_member(gid, seq))
    end
  end
end
local function lease_taken(taken, ends)
  for _, one in ipairs(taken) do
    call('ZADD', order_key, one[1] + LEASED, one[1])
    call('ZADD', leases_key, ends, one[1])
    local gid = one[3][GID]
    if gid ~= '' then
      local it = tenant(gid)
      it[IN_FLIGHT], it[JUST_TAKEN] = it[IN_FLIGHT] + 1, 0
    end
  end
  lower_due(ends)
  queue.in_flight = queue.in_flight and queue.in_flight + #taken
end
local function set_lease(seq, ends)
  local gid = state_of(call('HGET', states_key, seq))[GID] or ''
  call('ZADD', order_key, seq + LEASED, seq)
  if call('ZADD', leases_key, ends, seq) == 1 and gid ~= '' then
    call('ZREM', base_key .. ':gm', group_member(gid, seq))
    local it = tenant(gid)
    it[IN_FLIGHT] = it[IN_FLIGHT] + 1
  end
  lower_due(ends)
  queue.in_flight = nil
end
local function unindex(gone, seqs)
  call('ZREM', order_key, unpack(seqs))
  for _, one in ipairs(gone) do
    local gid = one[4] or ''
    if call('ZREM', leases_key, one[1]) == 1 then
      record_release(gid, one[5])
    elseif gid ~= '' then
      call('ZREM', base_key .. ':gm', group_member(gid, one[1]))
      tenant(gid)
    end
  end
end
