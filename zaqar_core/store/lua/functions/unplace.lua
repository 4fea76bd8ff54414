-- unplace: a queue that is gone has no place, if it is still of that incarnation.
-- keys:  sf1:{pools}.   args: address, incarnation, deadline (real ms).   reply: 1 if it had.   fails: LATE.   cost: O(1).
-- uses: place_of, Q, real_ms
local inc, _, pool = place_of(ARGV[1])
if inc ~= ARGV[2] then return 0 end
if real_ms() >= tonumber(ARGV[3]) then return { err = 'LATE' } end
call('HDEL', Q .. ':places', ARGV[1])
call('HINCRBY', Q .. ':held', pool, -1)
return 1
