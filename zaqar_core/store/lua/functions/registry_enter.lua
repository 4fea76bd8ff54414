-- registry_enter: a queue's name is listed.   keys: the registry.   args: name, incarnation.   reply: OK.
-- fails: nothing.   cost: O(log n).
-- uses: Q
call('ZADD', Q .. ':names', 0, ARGV[1])
call('HSET', Q .. ':lives', ARGV[1], ARGV[2])
return 'OK'
