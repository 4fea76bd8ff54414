-- move_pending: read which of these moves out of the queue are not finished.
-- keys:  the queue.
-- args:  incarnation, then seq of each
-- reply: those seqs; none when the queue is of another incarnation.
-- fails: NOQUEUE.
-- effect: reads. It writes nothing.
-- cost:  O(k).
-- uses: base_key, NOQUEUE
local found, life = {}, call('HGET', base_key, 'inc')
if not life then return NOQUEUE end
if life ~= ARGV[1] then return found end
for at = 2, #ARGV do
  if call('HEXISTS', base_key .. ':mi', ARGV[at]) == 1 then found[#found + 1] = ARGV[at] end
end
return found
