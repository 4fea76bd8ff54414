-- move_back: the destination is missing: the message returns to its place, and moves rest for a minute.
-- keys:  Q.   args: seq.   reply: 1 if the intent was there.   fails: NOQUEUE.   cost: O(log n).
local wrong = open()
if wrong then return wrong end
local packed = call('HGET', Q .. ':mi', ARGV[1])
if not packed then return 0 end
local seq, it = ARGV[1], cmsgpack.unpack(packed)
call('HDEL', Q .. ':mi', seq)
call('HSET', M, seq, it[2])
call('HSET', S, seq, cmsgpack.pack({ '', it[3], it[4], '', it[7], flags_of(it[2]), gid_of(it[2]), 0 }))
if it[6] >= 0 then
  mark('e')
  call('ZADD', Q .. ':e', q.now + it[6], seq)
  soon(q.now + it[6])
end
place(seq, it[2], true)
settle()
call('HSET', Q, 'dlq_missing', q.now + 60000)
changed()
wake(1)
return 1
