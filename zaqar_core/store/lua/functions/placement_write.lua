-- placement_write: write the placement of a queue that has none, or replace the one of that incarnation.
-- keys:  sf1:{pools}.
-- args:  address, incarnation, pool ("": the main store), incarnation of the placement that is to be replaced ("":
--        none), deadline (real ms; 0: none)
-- reply: 1, or 0 if the placement is of another incarnation.
-- fails: NOPOOL; LATE (the deadline has passed).
-- effect: stores.
-- cost:  O(1).
-- uses: base_key, placement_of, real_ms
local address, pool = ARGV[1], ARGV[3]
if pool ~= '' and call('HEXISTS', base_key .. ':pools', pool) == 0 then return { err = 'NOPOOL' } end
local inc, _, before = placement_of(address)
if (inc or '') ~= ARGV[4] then return 0 end
local now = real_ms()
if ARGV[5] ~= '0' and now >= tonumber(ARGV[5]) then return { err = 'LATE' } end
call('HSET', base_key .. ':places', address, ARGV[2] .. '|' .. string.format('%.0f', now) .. '|' .. pool)
call('HINCRBY', base_key .. ':held', pool, 1)
if inc then call('HINCRBY', base_key .. ':held', before, -1) end
return 1
