-- move_in: second step of moves: each message is in this queue, once however often this is called.
-- keys:  Q.   args: deadline (real ms), where they come from (address and incarnation), then per message: seq there,
--        record without sent and ttl, age ms (-1: it is a new message; age:sent with the time it was sent by the
--        source's clock), count, first received ms, own ttl left ms (-1: none), the ttl s that it is shown with where
--        it has an own one, the message's id (16 bytes)
-- reply: per message its seq here, 0 if it had arrived before.
-- fails: NOQUEUE; LATE (after the deadline, when another process may be doing the same).   cost: O(k log n).
-- Without an own ttl the message's age goes on counting here; the time it was sent is the one it was shown with, unless
-- the two clocks are a minute apart. A new message is as if it was sent here now; it is never taken for one that was
-- sent before.
-- uses: A, c, DELAYED, ENCRYPTED, flags_of, gid_of, GROUP, has, KIND, M, mark, open, place, Q, q, S, settle, soon, wake
local wrong = open('seq')
if wrong then return wrong end
if tonumber(q.real) >= tonumber(ARGV[1]) then return { err = 'LATE' } end
local last, delay, reply, arrived = tonumber(q.f[4]), c.delay, {}, 0
local function keep_end(seq, record, sent, left, ttl)
  mark('e')
  if left < 0 then
    call('ZADD', Q .. ':b', sent, seq)
    soon(sent + c.keep)
    return record
  end
  call('ZADD', Q .. ':e', q.now + left, seq)
  soon(q.now + left)
  return string.sub(record, 1, 9) .. string.format('%08d', ttl) .. string.sub(record, 10)
end
local function old(seq, at)
  local age, shown = string.match(ARGV[at + 2], '^(%d+):?(%d*)$')
  local sent, left = q.now - age, tonumber(ARGV[at + 5])
  shown = tonumber(shown)
  if shown and math.abs(shown - sent) < 60000 then sent = math.min(shown, q.now) end
  local record = string.format('%013d', sent) .. keep_end(seq, ARGV[at + 1], sent, left, ARGV[at + 6])
  local count, first = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local state = { '', count, first, '', 0, flags_of(record), gid_of(record), 0, count }
  call('HSET', M, seq, record)
  call('HSET', S, seq, cmsgpack.pack(state))
  call('HSET', Q .. ':i', ARGV[at + 7], seq, 'of:' .. seq, ARGV[at + 7])
  place(seq, record, true)
end
local function new(seq, at)
  local record = q.text .. ARGV[at + 1]
  call('HSET', M, seq, record)
  if delay == 0 or KIND == 'fifo' then return place(seq, record) end
  mark('d')
  if KIND == 'fair' and has(flags_of(record), GROUP) then mark('g') end
  call('ZADD', A, seq + DELAYED, seq)
  call('ZADD', Q .. ':d', q.now + delay, seq)
  soon(q.now + delay)
end
local sealed = false
for at = 3, #ARGV, 8 do
  local seq = 0
  if call('HSETNX', Q .. ':mr', ARGV[2] .. '|' .. ARGV[at], q.real) == 1 then
    last, arrived = last + 1, arrived + 1
    seq = last
    sealed = sealed or has(string.byte(ARGV[at + 1], 9), ENCRYPTED)
    if ARGV[at + 2] == '-1' then new(seq, at) else old(seq, at) end
  end
  reply[#reply + 1] = seq
end
if sealed then mark('k') end
settle()
if arrived > 0 then
  call('HSET', Q, 'seq', last, 'now', q.now)
  wake(arrived)
end
return reply
