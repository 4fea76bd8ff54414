-- registry_gone: read how long ago a queue was deleted.
-- keys:  the registry.
-- args:  name
-- reply: ms, -1 where it is not known.
-- fails: nothing.
-- effect: reads. It writes nothing.
-- cost:  O(1).
-- uses: base_key
local at = call('ZSCORE', base_key .. ':gone', ARGV[1])
if not at then return -1 end
return (call('TIME')[1] - at) * 1000
