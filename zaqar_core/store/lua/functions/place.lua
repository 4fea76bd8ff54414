-- place: a queue that has no place has this one, or one that has this place has another.
-- keys:  sf1:{pools}.   args: address, incarnation, pool ("" the main store), incarnation that has the place now ("" none),
--        deadline (real ms; 0 none)
-- reply: 1, or 0 if another has the place.   fails: NOPOOL; LATE.   cost: O(1).
-- uses: place_of, Q, real_ms
local address, pool = ARGV[1], ARGV[3]
if pool ~= '' and call('HEXISTS', Q .. ':pools', pool) == 0 then return { err = 'NOPOOL' } end
local inc, _, before = place_of(address)
if (inc or '') ~= ARGV[4] then return 0 end
local now = real_ms()
if ARGV[5] ~= '0' and now >= tonumber(ARGV[5]) then return { err = 'LATE' } end
call('HSET', Q .. ':places', address, ARGV[2] .. '|' .. string.format('%.0f', now) .. '|' .. pool)
call('HINCRBY', Q .. ':held', pool, 1)
if inc then call('HINCRBY', Q .. ':held', before, -1) end
return 1
