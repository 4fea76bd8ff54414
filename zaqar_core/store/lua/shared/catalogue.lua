-- catalogue: the pools (see the key dictionary); base_key is sf1:{pools}.
-- placement_of: the placement of a queue: incarnation, since when (ms), pool; nil if it has none.
-- uses: base_key
local function placement_of(address)
  local row = call('HGET', base_key .. ':places', address)
  if row then return string.match(row, '^(%x+)|(%d+)|(.*)$') end
end
-- the flavor that would have no pool without this one; false if there is none
local function flavor_without_pools(name)
  local flavor = call('HGET', base_key .. ':of', name)
  if not flavor or call('HEXISTS', base_key .. ':flavors', flavor) == 0 then return false end
  for _, other in ipairs(call('HKEYS', base_key .. ':of')) do
    if other ~= name and call('HGET', base_key .. ':of', other) == flavor then return false end
  end
  return flavor
end
local function next_revision() return call('HINCRBY', base_key, 'rev', 1) end
