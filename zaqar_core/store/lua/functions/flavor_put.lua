-- flavor_put: a flavor is in the catalogue, and has these pools and no others.
-- keys:  sf1:{pools}.   args: name, row (JSON), 1 if it must be there already, then its pools; none leaves them as they are
-- reply: revision, 0 if it is not there.   fails: NOPOOL name.   cost: O(pools).
-- uses: Q, revised
local name = ARGV[1]
if ARGV[3] == '1' and call('HEXISTS', Q .. ':flavors', name) == 0 then return 0 end
for at = 4, #ARGV do
  if call('HEXISTS', Q .. ':pools', ARGV[at]) == 0 then return { err = 'NOPOOL ' .. ARGV[at] } end
end
call('HSET', Q .. ':flavors', name, ARGV[2])
if #ARGV > 3 then
  for _, pool in ipairs(call('HKEYS', Q .. ':of')) do
    if call('HGET', Q .. ':of', pool) == name then call('HDEL', Q .. ':of', pool) end
  end
  for at = 4, #ARGV do call('HSET', Q .. ':of', ARGV[at], name) end
end
return revised()
