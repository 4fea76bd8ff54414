-- chaos_shuffle: exchange the positions of the first visible messages without group. A listing of more than a page may
-- then show a message twice. For tests.
-- keys:  the queue.
-- args:  one number for each position; the messages are sorted by these numbers
-- reply: how many messages changed their position.
-- fails: NOQUEUE; GROUPED.
-- effect: frees.
-- cost:  O(k log n).
-- uses: LEASED, open_queue, order_key, process_due, update_groups
local wrong = open_queue()
if wrong then return wrong end
process_due(100)
update_groups()
local found = call('ZRANGEBYSCORE', order_key, '-inf', string.format('(%.0f', LEASED), 'WITHSCORES', 'LIMIT', 0, #ARGV)
local positions, seqs = {}, {}
for i = 1, #found / 2 do
  seqs[i], positions[i] = found[2 * i - 1], i
end
table.sort(positions, function(a, b) return tonumber(ARGV[a]) < tonumber(ARGV[b]) end)
for i, from in ipairs(positions) do call('ZADD', order_key, found[2 * i], seqs[from]) end
return #seqs
