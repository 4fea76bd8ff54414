-- registry_enter: a queue's name is listed.   keys: the registry.   args: name, incarnation.   reply: OK.
-- fails: nothing.   cost: O(log n).
redis.call('ZADD', KEYS[1] .. ':names', 0, ARGV[1])
redis.call('HSET', KEYS[1] .. ':lives', ARGV[1], ARGV[2])
return 'OK'
