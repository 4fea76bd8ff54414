-- move_in: second step of a move: the message is in this queue, once however often this is called.
-- keys:  Q.   args: move id, record without sent and ttl, age ms, count, first received ms, own ttl left ms (-1: none),
--        the message's id (16 bytes)
-- reply: its seq, 0 if it had arrived before.   fails: NOQUEUE.   cost: O(log n).
-- The dead letter ttl of the source, where set, is the own ttl. Without one, the message's age goes on counting here.
local wrong = open('seq')
if wrong then return wrong end
if call('HSETNX', Q .. ':mr', ARGV[1], 1) == 0 then return 0 end
local seq = tonumber(q.f[4]) + 1
local sent, record, left = q.now - tonumber(ARGV[3]), ARGV[2], tonumber(ARGV[6])
mark('e')
if left >= 0 then
  record = string.sub(record, 1, 9) .. string.format('%08d', math.ceil(left / 1000)) .. string.sub(record, 10)
  call('ZADD', Q .. ':e', q.now + left, seq)
  soon(q.now + left)
else
  call('ZADD', Q .. ':b', sent, seq)
  soon(sent + c.keep)
end
record = string.format('%013d', sent) .. record
call('HSET', M, seq, record)
call('HSET', S, seq, cmsgpack.pack({ '', tonumber(ARGV[4]), tonumber(ARGV[5]), '', 0, flags_of(record), gid_of(record), 0 }))
call('HSET', Q .. ':i', ARGV[7], seq, 'of:' .. seq, ARGV[7])
place(seq, record, true)
settle()
call('HSET', Q, 'seq', seq, 'now', q.now)
wake(1)
return seq
