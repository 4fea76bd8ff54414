-- registry_leave: a queue's name is no longer listed, if the row is still of that life.
-- keys: the registry.   args: name, incarnation.   reply: 1 if it was removed.   fails: nothing.   cost: O(log n).
if redis.call('HGET', KEYS[1] .. ':lives', ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1] .. ':lives', ARGV[1])
return redis.call('ZREM', KEYS[1] .. ':names', ARGV[1])
