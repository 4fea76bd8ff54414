-- placement_remove: remove the placement of a deleted queue, if it is still of that incarnation.
-- keys:  sf1:{pools}.
-- args:  address, incarnation, deadline (real ms)
-- reply: 1 if it was removed, else 0.
-- fails: LATE (the deadline has passed).
-- effect: frees.
-- cost:  O(1).
-- uses: base_key, placement_of, real_ms
local inc, _, pool = placement_of(ARGV[1])
if inc ~= ARGV[2] then return 0 end
if real_ms() >= tonumber(ARGV[3]) then return { err = 'LATE' } end
call('HDEL', base_key .. ':places', ARGV[1])
call('HINCRBY', base_key .. ':held', pool, -1)
return 1
