-- call: begin every call of a function, and hold what belongs to it.
-- base_key: the call's first key (a queue, a registry or the catalogue), from which all other keys are derived. ARGV:
-- the arguments. context: the values that some parts share during one call; empty for most calls, since an entry of a
-- table costs ten times as much as a local.
-- The server's API is looked up once, by the first call: each look-up costs as much as a small table, and the API does
-- not exist while the library is loaded.
-- begin_call returns an error or nil. In a cluster it is MOVING while the keys of the queue's slot are brought to
-- another node one by one: some may be there already, and nothing must be written without them. The server reports that
-- for a key that never exists.
local function server_api()
  return tonumber, ipairs, pairs, next, unpack, string, math, cmsgpack, struct, redis.call, redis.pcall
end
local tonumber, ipairs, pairs, next, unpack, string, math, cmsgpack, struct, call, try_call
local clustered
local base_key, ARGV
local context = {}
local function begin_call(keys, args)
  if clustered == nil then
    tonumber, ipairs, pairs, next, unpack, string, math, cmsgpack, struct, call, try_call = server_api()
    clustered = string.find(call('INFO', 'cluster'), 'cluster_enabled:1', 1, true) ~= nil
  end
  base_key, ARGV = keys[1], args
  if next(context) then context = {} end
  if clustered and try_call('EXISTS', base_key .. ':never') ~= 0 then return { err = 'MOVING' } end
end
