-- pool_put: write a pool into the catalogue.
-- keys:  sf1:{pools}.
-- args:  name, row (JSON with uri), identity of the deployment, its flavor ("": none), the row that is to be replaced
--        ("": none)
-- reply: revision.
-- fails: STALE (the catalogue has another row); TAKEN pool (the deployment belongs to another pool); HELD (the pool has
--        queues, and the deployment is another one).
-- effect: stores.
-- cost:  O(pools).
-- uses: base_key, next_revision
local name, row, id = ARGV[1], ARGV[2], ARGV[3]
local now = call('HGET', base_key .. ':pools', name)
if (now or '') ~= ARGV[5] then return { err = 'STALE' } end
local uri, all = cjson.decode(row).uri, call('HGETALL', base_key .. ':pools')
for i = 1, #all, 2 do
  if all[i] ~= name and (call('HGET', base_key .. ':ids', all[i]) == id or cjson.decode(all[i + 1]).uri == uri) then
    return { err = 'TAKEN ' .. all[i] }
  end
end
local is_other_deployment = now and call('HGET', base_key .. ':ids', name) ~= id
if is_other_deployment and tonumber(call('HGET', base_key .. ':held', name) or 0) > 0 then
  return { err = 'HELD' }
end
call('HSET', base_key .. ':pools', name, row)
call('HSET', base_key .. ':ids', name, id)
if ARGV[4] == '' then call('HDEL', base_key .. ':of', name) else call('HSET', base_key .. ':of', name, ARGV[4]) end
return next_revision()
