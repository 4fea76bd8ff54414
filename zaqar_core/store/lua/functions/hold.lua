-- hold: take or keep a lease that names its holder, or give it back.
-- keys:  the lease, outside of queues.
-- args:  holder, ms (0 gives it back)
-- reply: 1, or 0 if another holder has it.
-- fails: nothing.
-- effect: frees.
-- cost:  O(1).
-- uses: base_key
local holder = call('GET', base_key)
if holder and holder ~= ARGV[1] then
    return 0
end
if ARGV[2] == '0' then
    call('DEL', base_key)
else
    call('SET', base_key, ARGV[1], 'PX', ARGV[2])
end
return 1
