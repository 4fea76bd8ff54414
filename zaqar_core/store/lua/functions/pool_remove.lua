-- pool_remove: the pool is not in the catalogue; a missing one is no error.
-- keys:  sf1:{pools}.   args: name.   reply: revision.
-- fails: HELD number (queues are in it); FLAVORED flavor (which would have no pool).   cost: O(pools).
-- uses: last_of, Q, revised
local name = ARGV[1]
if call('HEXISTS', Q .. ':pools', name) == 0 then return call('HGET', Q, 'rev') or '0' end
local held, flavor = tonumber(call('HGET', Q .. ':held', name) or 0), last_of(name)
if flavor then return { err = 'FLAVORED ' .. flavor } end
if held > 0 then return { err = 'HELD ' .. held } end
for _, key in ipairs({ ':pools', ':ids', ':of', ':held' }) do call('HDEL', Q .. key, name) end
return revised()
