-- pools_all: the whole catalogue.
-- keys:  sf1:{pools}.   reply: {revision, {name, row ...}, {name, flavor ...}, {flavor, row ...}}.
-- fails: nothing.   cost: O(pools).
-- uses: Q
local revision = call('HGET', Q, 'rev') or '0'
return { revision, call('HGETALL', Q .. ':pools'), call('HGETALL', Q .. ':of'), call('HGETALL', Q .. ':flavors') }
