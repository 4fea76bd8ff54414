-- lease: take a lease that no process has.
-- keys:  the lease, outside of queues.
-- args:  ms
-- reply: 1, or 0 if another process has it.
-- fails: nothing.
-- effect: frees.
-- cost:  O(1).
-- uses: base_key
return call('SET', base_key, '1', 'NX', 'PX', ARGV[1]) and 1 or 0
