-- purge_free: one step of Zaqar's purge: remove messages up to a seq, delayed ones too; leased ones stay.
-- keys:  the queue.
-- args:  last seq to remove (-1 in the first step: the newest there is), most messages of this step
-- reply: {last seq to remove, 1 if another step is needed}.
-- fails: NOQUEUE; GROUPED.
-- effect: frees.
-- cost:  O(step log n).
-- uses: base_key, DELAYED, GROUPED, open_queue, order_key, process_due, records_key, removal_of, remove_messages
-- uses: state_of, states_key, update_groups, wake_for_new
local wrong = open_queue()
if wrong then return wrong end
process_due(100)
local upto, most, gone = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
if upto < 0 then upto = tonumber(call('HGET', base_key, 'seq')) end
for _, band in ipairs({ 0, DELAYED, GROUPED }) do
  local low, high = string.format('%.0f', band), string.format('%.1f', band + upto + 0.5)
  for _, seq in ipairs(call('ZRANGEBYSCORE', order_key, low, high, 'LIMIT', 0, most - #gone)) do
    gone[#gone + 1] = removal_of(seq, call('HGET', records_key, seq), state_of(call('HGET', states_key, seq)))
  end
end
remove_messages(gone)
local freed = update_groups()
wake_for_new(freed)
return { upto, #gone == most and 1 or 0 }
