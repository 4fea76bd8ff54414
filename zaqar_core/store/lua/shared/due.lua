-- due: the time before which no lease, delay or expiry ends (field `due`, a lower bound), and the queue's last time.
-- lower_due: must be called for everything that is due at a moment. If that is earlier than `due`,
-- context.due_was_lowered is true, and the function must wake a waiter: see wakeups.
-- save_clock: write the queue's time once a second.
-- uses: base_key, context, queue
local function lower_due(at)
  if queue.due_text ~= context.due_text then
    queue.due_text, queue.due_ms = context.due_text, tonumber(context.due_text)
  end
  if at < queue.due_ms then
    call('HSET', base_key, 'due', at)
    context.due_text, context.due_was_lowered = string.format('%.0f', at), true
  end
end
local function save_clock()
  if not queue.saved_ms or context.now_ms - queue.saved_ms >= 1000 then
    call('HSET', base_key, 'now', context.now_ms)
    queue.saved_ms = context.now_ms
    -- another server may have served the queue meanwhile, between two fail-overs
    queue.in_flight = nil
  end
end
