-- flavor_remove: the flavor is not in the catalogue, and its pools have none; a missing one is no error.
-- keys:  sf1:{pools}.   args: name.   reply: revision.   fails: nothing.   cost: O(pools).
-- uses: Q, revised
if call('HDEL', Q .. ':flavors', ARGV[1]) == 0 then return call('HGET', Q, 'rev') or '0' end
for _, pool in ipairs(call('HKEYS', Q .. ':of')) do
  if call('HGET', Q .. ':of', pool) == ARGV[1] then call('HDEL', Q .. ':of', pool) end
end
return revised()
