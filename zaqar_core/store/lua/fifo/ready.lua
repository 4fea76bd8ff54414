-- ready: how messages change their place in a FIFO queue. Every message stands in gm under its group, in order; a group
-- may give while its oldest message is neither leased nor delayed, and then has its turn in g. Verbs as in plain/ready.
-- touch, settle: a changed group's turn is looked at once, at the end of the script, and before others are taken; those
-- that come free get their turns in the order in which they were touched.
-- uses: A, c, expired, GID, gid_of, L, M, q, Q, S, sent_of, soon, state_of
local LEASED, DELAYED, GROUPED = 1125899906842624, 2251799813685248, 3377699720527872
local function touch(gid)
  q.touched = q.touched or {}
  if q.touched[gid] then return end
  q.touched[gid] = true
  q.touched[#q.touched + 1] = gid
end
local function member(gid, seq) return gid .. struct.pack('>I8', tonumber(seq)) end
local function seq_in(one) return string.format('%.0f', struct.unpack('>I8', one, 9)) end
local function oldest(gid, limit, after)
  return call('ZRANGEBYLEX', Q .. ':gm', after or '[' .. gid, '(' .. gid .. '\255', 'LIMIT', 0, limit)
end
local function queue_delay() return c.delay end
local function place(seq, record)
  local gid = gid_of(record)
  call('ZADD', A, seq + GROUPED, seq)
  call('ZADD', Q .. ':gm', 0, member(gid, seq))
  touch(gid)
end
local function back(seqs)
  local states = call('HMGET', S, unpack(seqs))
  for i, seq in ipairs(seqs) do
    call('ZADD', A, seq + GROUPED, seq)
    touch(state_of(states[i])[GID])
  end
end
local function hold(taken, ends)
  local first_end = ends
  for _, one in ipairs(taken) do
    call('ZADD', A, one[1] + LEASED, one[1])
    call('ZADD', L, ends, one[1])
    -- a message past its retention holds its group no longer, also when its lease goes on
    first_end = math.min(first_end, sent_of(one[2]) + c.keep)
  end
  soon(first_end)
  c.flying = c.flying and c.flying + #taken
end
local function again(seq, ends)
  call('ZADD', A, seq + LEASED, seq)
  call('ZADD', L, ends, seq)
  soon(ends)
end
local function unindex(gone, seqs)
  call('ZREM', A, unpack(seqs))
  call('ZREM', L, unpack(seqs))
  for _, one in ipairs(gone) do
    call('ZREM', Q .. ':gm', member(one[4], one[1]))
    touch(one[4])
  end
end
local function settle()
  if not q.touched then return 0 end
  local freed, G, GD = 0, Q .. ':g', Q .. ':gd'
  for _, gid in ipairs(q.touched) do
    local head = oldest(gid, 1)[1]
    local seq = head and seq_in(head)
    local held = seq and tonumber(call('ZSCORE', L, seq) or 0) > q.now
    local sent = seq and not held and queue_delay() > 0 and sent_of(call('HGET', M, seq))
    if not seq or held then
      call('ZREM', G, gid)
      call('ZREM', GD, gid)
    elseif sent and sent + queue_delay() > q.now then
      call('ZREM', G, gid)
      call('ZADD', GD, sent, gid)
      soon(sent + queue_delay())
    else
      if not call('ZSCORE', G, gid) then
        call('ZADD', G, call('HINCRBY', Q, 'turn', 1), gid)
        freed = freed + 1
      end
      call('ZREM', GD, gid)
    end
  end
  q.touched = nil
  return freed
end
-- arrive: groups whose delayed head has become due may give.   next_arrival: the moment at which the next one will.
local function arrive(most)
  local GD = Q .. ':gd'
  for _, gid in ipairs(call('ZRANGEBYSCORE', GD, '-inf', q.now - queue_delay(), 'LIMIT', 0, most)) do
    call('ZREM', GD, gid)
    touch(gid)
  end
end
local function next_arrival()
  local at = tonumber(call('ZRANGE', Q .. ':gd', 0, 0, 'WITHSCORES')[2])
  return at and at + queue_delay() or math.huge
end
-- next_expiry: the moment at which the oldest message in flight is past its retention.
local function next_expiry()
  local seq = call('ZRANGEBYSCORE', A, LEASED, '(' .. string.format('%.0f', DELAYED), 'LIMIT', 0, 1)[1]
  local record = seq and call('HGET', M, seq)
  if not record then return math.huge end
  local at = sent_of(record) + c.keep
  if at > q.now or expired(record, state_of(call('HGET', S, seq))) then return at end
  return math.huge
end
