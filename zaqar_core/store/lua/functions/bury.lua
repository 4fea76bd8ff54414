-- bury: an incarnation of the queue cannot be made any more, unless it lives.
-- keys:  Q.   args: incarnation, ms for which that holds.   reply: 1, or 0 if it lives.   fails: nothing.   cost: O(1).
-- uses: buried, Q
if call('HGET', Q, 'inc') == ARGV[1] then return 0 end
call('SET', buried(ARGV[1]), 1, 'PX', ARGV[2])
return 1
