-- pool_put: a pool is in the catalogue.
-- keys:  sf1:{pools}.   args: name, row (JSON with uri), identity of the deployment, its flavor ("" none), row that is to
--        be there now ("" none)
-- reply: revision.   fails: STALE (another row is there); TAKEN pool (the deployment is another pool's); HELD (it has
--        queues, and the deployment is not the same).   cost: O(pools).
-- uses: Q, revised
local name, row, id = ARGV[1], ARGV[2], ARGV[3]
local now = call('HGET', Q .. ':pools', name)
if (now or '') ~= ARGV[5] then return { err = 'STALE' } end
local uri, all = cjson.decode(row).uri, call('HGETALL', Q .. ':pools')
for i = 1, #all, 2 do
  if all[i] ~= name and (call('HGET', Q .. ':ids', all[i]) == id or cjson.decode(all[i + 1]).uri == uri) then
    return { err = 'TAKEN ' .. all[i] }
  end
end
if now and call('HGET', Q .. ':ids', name) ~= id and tonumber(call('HGET', Q .. ':held', name) or 0) > 0 then
  return { err = 'HELD' }
end
call('HSET', Q .. ':pools', name, row)
call('HSET', Q .. ':ids', name, id)
if ARGV[4] == '' then call('HDEL', Q .. ':of', name) else call('HSET', Q .. ':of', name, ARGV[4]) end
return revised()
