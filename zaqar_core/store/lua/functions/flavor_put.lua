-- flavor_put: write a flavor into the catalogue, with exactly these pools.
-- keys:  sf1:{pools}.
-- args:  name, row (JSON), 1 if it must exist already, then its pools; without pools, they do not change
-- reply: revision, 0 if it does not exist.
-- fails: NOPOOL name.
-- effect: stores.
-- cost:  O(pools).
-- uses: base_key, next_revision
local name = ARGV[1]
if ARGV[3] == '1' and call('HEXISTS', base_key .. ':flavors', name) == 0 then return 0 end
for at = 4, #ARGV do
  if call('HEXISTS', base_key .. ':pools', ARGV[at]) == 0 then return { err = 'NOPOOL ' .. ARGV[at] } end
end
call('HSET', base_key .. ':flavors', name, ARGV[2])
if #ARGV > 3 then
  for _, pool in ipairs(call('HKEYS', base_key .. ':of')) do
    if call('HGET', base_key .. ':of', pool) == name then call('HDEL', base_key .. ':of', pool) end
  end
  for at = 4, #ARGV do call('HSET', base_key .. ':of', ARGV[at], name) end
end
return next_revision()
