-- dead_letters: the dead-letter rule. A message past the queue's receive limit is moved (see moves) instead of being
-- received. Only receives in this queue count: each queue of a chain delivers it as often as its own limit says.
-- uses: BEFORE, begin_move, COUNT, expired, now_ms, queue, removal_of, remove_messages
local function receive_limit()
  return queue.dead_letter_queue and queue.redrive_from_ms <= now_ms and queue.max_receive_count or math.huge
end
local function redrive(seq, record, state)
  begin_move(seq, record, state, queue.dead_letter_queue, queue.dead_letter_ttl_seconds, '')
end
-- Remove a message that must not be received: an expired one without trace (returns 0), one past the receive limit
-- leaves an intent (returns 1). Returns nil if it can be received.
local function remove_or_redrive(seq, record, state, most)
  if expired(record, state) then
    remove_messages({ removal_of(seq, record, state) })
    return 0
  elseif state[COUNT] - (state[BEFORE] or 0) >= most then
    redrive(seq, record, state)
    return 1
  end
end
