-- move_in: second step of moves: store each message in this queue, once however often this is called. A message without
-- an own ttl keeps its age. It keeps the time at which it was sent as it was shown, unless the clocks of the two queues
-- are a minute apart. A new message counts as sent here now; deduplication does not apply to it.
-- keys:  the queue.
-- args:  deadline (real ms), source (address and incarnation), then per message: seq there, record without sent time
--        and ttl, age ms (-1: it is a new message; age:sent with the sent time by the source's clock), count, first
--        received ms, own ttl left ms (-1: none), the ttl s that it is shown with where it has an own one, its id (16
--        bytes)
-- reply: per message its seq here, 0 if it had arrived before.
-- fails: NOQUEUE; GROUPED; LATE (the deadline has passed: another process may be doing the same).
-- effect: frees.
-- cost:  O(k log n).
-- uses: base_key, DELAYED, ENCRYPTED, flags_of, gid_of, GROUP, has_flag, KIND, lower_due, make_visible, mark_feature
-- uses: now_ms, now_text, open_queue, order_key, queue, records_key, server_ms, states_key, update_groups, wake_waiters
local wrong = open_queue()
if wrong then return wrong end
if server_ms >= tonumber(ARGV[1]) then return { err = 'LATE' } end
local last, delay, reply, arrived = tonumber(call('HGET', base_key, 'seq')), queue.delay_ms, {}, 0
local function keep_end(seq, record, sent, left, ttl)
  mark_feature('e')
  if left < 0 then
    call('ZADD', base_key .. ':b', sent, seq)
    lower_due(sent + queue.retention_ms)
    return record
  end
  call('ZADD', base_key .. ':e', now_ms + left, seq)
  lower_due(now_ms + left)
  return string.sub(record, 1, 9) .. string.format('%08d', ttl) .. string.sub(record, 10)
end
local function old(seq, at)
  local age, shown = string.match(ARGV[at + 2], '^(%d+):?(%d*)$')
  local sent, left = now_ms - age, tonumber(ARGV[at + 5])
  shown = tonumber(shown)
  if shown and math.abs(shown - sent) < 60000 then sent = math.min(shown, now_ms) end
  local record = string.format('%013d', sent) .. keep_end(seq, ARGV[at + 1], sent, left, ARGV[at + 6])
  local count, first = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local state = { '', count, first, '', 0, flags_of(record), gid_of(record), 0, count, now_ms }
  call('HSET', records_key, seq, record)
  call('HSET', states_key, seq, cmsgpack.pack(state))
  call('HSET', base_key .. ':i', ARGV[at + 7], seq, 'of:' .. seq, ARGV[at + 7])
  make_visible(seq, record, true)
end
local function new(seq, at)
  local record = now_text() .. ARGV[at + 1]
  call('HSET', records_key, seq, record)
  if delay == 0 or KIND == 'fifo' then return make_visible(seq, record) end
  mark_feature('d')
  if KIND == 'fair' and has_flag(flags_of(record), GROUP) then mark_feature('g') end
  call('ZADD', order_key, seq + DELAYED, seq)
  call('ZADD', base_key .. ':d', now_ms + delay, seq)
  lower_due(now_ms + delay)
end
local sealed = false
for at = 3, #ARGV, 8 do
  local seq = 0
  if call('HSETNX', base_key .. ':mr', ARGV[2] .. '|' .. ARGV[at], server_ms) == 1 then
    last, arrived = last + 1, arrived + 1
    seq = last
    sealed = sealed or has_flag(string.byte(ARGV[at + 1], 9), ENCRYPTED)
    if ARGV[at + 2] == '-1' then new(seq, at) else old(seq, at) end
  end
  reply[#reply + 1] = seq
end
if sealed then mark_feature('k') end
update_groups()
if arrived > 0 then
  call('HSET', base_key, 'seq', last, 'now', now_ms)
  wake_waiters(arrived)
end
return reply
