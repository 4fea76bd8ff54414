-- pool_remove: remove a pool from the catalogue; a missing one is no error.
-- keys:  sf1:{pools}.
-- args:  name
-- reply: revision.
-- fails: HELD number (of queues in it); FLAVORED flavor (which would have no pool).
-- effect: frees.
-- cost:  O(pools).
-- uses: base_key, flavor_without_pools, next_revision
local name = ARGV[1]
if call('HEXISTS', base_key .. ':pools', name) == 0 then return call('HGET', base_key, 'rev') or '0' end
local held, flavor = tonumber(call('HGET', base_key .. ':held', name) or 0), flavor_without_pools(name)
if flavor then return { err = 'FLAVORED ' .. flavor } end
if held > 0 then return { err = 'HELD ' .. held } end
for _, key in ipairs({ ':pools', ':ids', ':of', ':held' }) do call('HDEL', base_key .. key, name) end
return next_revision()
