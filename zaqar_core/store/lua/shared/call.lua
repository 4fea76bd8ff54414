-- call
local function globals()
  return tonumber, ipairs, pairs, unpack, string, math, cmsgpack, struct, bit, redis.call, redis.pcall
end
local tonumber, ipairs, pairs, unpack, string, math, cmsgpack, struct, bit, call, try
local MOVING, clustered = { err = 'MOVING' }, nil
local Q, ARGV
local q = {}
local function begin(keys, args)
  if clustered == nil then
    tonumber, ipairs, pairs, unpack, string, math, cmsgpack, struct, bit, call, try = globals()
    clustered = string.find(call('INFO', 'cluster'), 'cluster_enabled:1', 1, true) ~= nil
  end
  Q, ARGV = keys[1], args
  q.touched, q.tenants, q.total, q.sooner, q.last_subscription = nil, nil, nil, nil, nil
  if clustered and try('EXISTS', Q .. ':never') ~= 0 then return MOVING end
end
