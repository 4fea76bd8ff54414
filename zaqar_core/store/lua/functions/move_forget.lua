-- move_forget: fourth step of moves, at the destination: their records are dropped.
-- keys:  Q.   args: record of each (where it came from, a bar, its seq there).   reply: how many were there.
-- fails: nothing.   cost: O(k).
-- uses: Q
return call('HDEL', Q .. ':mr', unpack(ARGV))
