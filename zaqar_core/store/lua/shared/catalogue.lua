-- catalogue: the pools (see the key dictionary); Q is sf1:{pools}.
-- place_of: where a queue is: its incarnation, since when (ms), its pool; nil if it has no place.
-- uses: Q
local function place_of(address)
  local row = call('HGET', Q .. ':places', address)
  if row then return string.match(row, '^(%x+)|(%d+)|(.*)$') end
end
-- last_of: the flavor that would have no pool without this one; false if there is none.
local function last_of(name)
  local flavor = call('HGET', Q .. ':of', name)
  if not flavor or call('HEXISTS', Q .. ':flavors', flavor) == 0 then return false end
  for _, other in ipairs(call('HKEYS', Q .. ':of')) do
    if other ~= name and call('HGET', Q .. ':of', other) == flavor then return false end
  end
  return flavor
end
local function revised() return call('HINCRBY', Q, 'rev', 1) end
