-- pools_all: read the whole catalogue.
-- keys:  sf1:{pools}.
-- reply: {revision, {name, row ...}, {name, flavor ...}, {flavor, row ...}}.
-- fails: nothing.
-- effect: reads. It writes nothing.
-- cost:  O(pools).
-- uses: base_key
local revision = call('HGET', base_key, 'rev') or '0'
local pools, flavor_of = call('HGETALL', base_key .. ':pools'), call('HGETALL', base_key .. ':of')
return { revision, pools, flavor_of, call('HGETALL', base_key .. ':flavors') }
