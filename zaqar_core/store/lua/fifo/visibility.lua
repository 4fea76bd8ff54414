-- visibility: as plain/visibility, for a FIFO queue. Every message is in Q:gm under its group, in order. A group is
-- receivable while its oldest message is neither leased nor delayed; it then has its turn in Q:g.
-- touch_group, update_groups: a changed group's turn is updated once, at the end of the function and before other
-- messages are taken; groups that become receivable get their turns in the order in which they were touched.
-- uses: base_key, context, DELAYED, expired, GID, gid_of, group_member, GROUPED, LEASED, leases_key, lower_due, now_ms
-- uses: order_key, queue, records_key, sent_of, seq_of_member, state_of, states_key
local function touch_group(gid)
  context.touched_groups = context.touched_groups or {}
  if context.touched_groups[gid] then return end
  context.touched_groups[gid] = true
  context.touched_groups[#context.touched_groups + 1] = gid
end
local function oldest_in_group(gid, limit, after)
  return call('ZRANGEBYLEX', base_key .. ':gm', after or '[' .. gid, '(' .. gid .. '\255', 'LIMIT', 0, limit)
end
local function queue_delay() return queue.delay_ms end
local function make_visible(seq, record)
  local gid = gid_of(record)
  call('ZADD', order_key, seq + GROUPED, seq)
  call('ZADD', base_key .. ':gm', 0, group_member(gid, seq))
  touch_group(gid)
end
local function release(seqs)
  local states = call('HMGET', states_key, unpack(seqs))
  for i, seq in ipairs(seqs) do
    call('ZADD', order_key, seq + GROUPED, seq)
    touch_group(state_of(states[i])[GID])
  end
end
local function lease_taken(taken, ends)
  local first_end = ends
  for _, one in ipairs(taken) do
    call('ZADD', order_key, one[1] + LEASED, one[1])
    call('ZADD', leases_key, ends, one[1])
    -- a message past its retention no longer blocks its group, even while its lease lasts
    first_end = math.min(first_end, sent_of(one[2]) + queue.retention_ms)
  end
  lower_due(first_end)
  queue.in_flight = queue.in_flight and queue.in_flight + #taken
end
local function set_lease(seq, ends)
  call('ZADD', order_key, seq + LEASED, seq)
  call('ZADD', leases_key, ends, seq)
  lower_due(ends)
end
local function unindex(gone, seqs)
  call('ZREM', order_key, unpack(seqs))
  call('ZREM', leases_key, unpack(seqs))
  for _, one in ipairs(gone) do
    call('ZREM', base_key .. ':gm', group_member(one[4], one[1]))
    touch_group(one[4])
  end
end
local function update_groups()
  if not context.touched_groups then return 0 end
  local freed, groups_key, delayed_groups_key = 0, base_key .. ':g', base_key .. ':gd'
  for _, gid in ipairs(context.touched_groups) do
    local head = oldest_in_group(gid, 1)[1]
    local seq = head and seq_of_member(head)
    local held = seq and tonumber(call('ZSCORE', leases_key, seq) or 0) > now_ms
    local sent = seq and not held and queue_delay() > 0 and sent_of(call('HGET', records_key, seq))
    if not seq or held then
      call('ZREM', groups_key, gid)
      call('ZREM', delayed_groups_key, gid)
    elseif sent and sent + queue_delay() > now_ms then
      call('ZREM', groups_key, gid)
      call('ZADD', delayed_groups_key, sent, gid)
      lower_due(sent + queue_delay())
    else
      if not call('ZSCORE', groups_key, gid) then
        call('ZADD', groups_key, call('HINCRBY', base_key, 'turn', 1), gid)
        freed = freed + 1
      end
      call('ZREM', delayed_groups_key, gid)
    end
  end
  context.touched_groups = nil
  return freed
end
-- groups whose delayed oldest message has become due are receivable; next_delay_end: the moment of the next one, ms
local function end_delays(most)
  local delayed_groups_key = base_key .. ':gd'
  local sent_until = now_ms - queue_delay()
  for _, gid in ipairs(call('ZRANGEBYSCORE', delayed_groups_key, '-inf', sent_until, 'LIMIT', 0, most)) do
    call('ZREM', delayed_groups_key, gid)
    touch_group(gid)
  end
end
local function next_delay_end()
  local at = tonumber(call('ZRANGE', base_key .. ':gd', 0, 0, 'WITHSCORES')[2])
  return at and at + queue_delay() or math.huge
end
-- the moment at which the oldest message in flight is past its retention, ms
local function next_expiry()
  local seq = call('ZRANGEBYSCORE', order_key, LEASED, '(' .. string.format('%.0f', DELAYED), 'LIMIT', 0, 1)[1]
  local record = seq and call('HGET', records_key, seq)
  if not record then return math.huge end
  local at = sent_of(record) + queue.retention_ms
  if at > now_ms or expired(record, state_of(call('HGET', states_key, seq))) then return at end
  return math.huge
end
