-- move_task_step: first step of the moves of a task: as many messages leave the queue as its rate allows, oldest first;
-- each leaves an intent. The task is completed when none is left of the messages that were there at its start.
-- keys:  the queue.
-- args:  the calling process, lease ms, most messages, most bytes
-- reply: {word, ms until the next call is useful}: IDLE no task runs; BUSY another process works on it; MOVE there are
--        intents to finish; WAIT there are none, but the task continues; DONE the task has ended.
-- fails: NOQUEUE; GROUPED.
-- effect: frees.
-- cost:  O(most log n).
-- uses: base_key, begin_move, expired, finish_task, flags_of, has_flag, MOVED, now_ms, open_queue, process_due
-- uses: removal_of, remove_messages, save_clock, save_task, search_movable, server_ms, state_of, states_key, task_of
-- uses: update_groups, wake_for_new
local wrong = open_queue()
if wrong then return wrong end
local id = call('HGET', base_key .. ':mt', 'active')
local task = id and task_of(id)
if not task then return { 'IDLE', -1 } end
if task.runner ~= ARGV[1] and task.until_ms > server_ms then
  return { 'BUSY', task.until_ms - server_ms }
end
task.runner, task.until_ms = ARGV[1], server_ms + ARGV[2]
process_due(100)
local function answer(word, wait)
  local freed = update_groups()
  wake_for_new(freed)
  save_task(id, task)
  save_clock()
  return { word, wait }
end
local function nothing() return false end
local pending = task.taken - task.moved
local outcome = task.status == 'CANCELLING' and 'end' or search_movable(task, 1, nothing)
if outcome == 'end' then
  if pending > 0 then return answer('MOVE', 0) end
  finish_task(id, task, task.status == 'CANCELLING' and 'CANCELLED' or 'COMPLETED')
  return answer('DONE', 0)
elseif outcome == 'look' then
  return answer(pending > 0 and 'MOVE' or 'WAIT', 0)
end
local room, from, gap = tonumber(ARGV[3]), 0, 0
if task.rate > 0 then
  -- A delay is made up for only within a tenth of a second, so that no second sees many more moves than the rate.
  gap = 1000 / task.rate
  from = math.max(task.next_ms, now_ms - 100)
  if from > now_ms then return answer(pending > 0 and 'MOVE' or 'WAIT', math.ceil(from - now_ms)) end
  room = math.min(room, 1 + math.floor((now_ms - from) / gap))
end
local bytes, taken, most_bytes = 0, 0, tonumber(ARGV[4])
outcome = search_movable(task, room, function(seq, record)
  if bytes >= most_bytes then return false end
  local state = state_of(call('HGET', states_key, seq))
  if expired(record, state) then
    remove_messages({ removal_of(seq, record, state) })
    return true
  end
  if task.destination == '' and not has_flag(flags_of(record), MOVED) then
    finish_task(id, task, 'FAILED', 'CouldNotDetermineMessageSource')
    return false
  end
  begin_move(seq, record, state, task.destination, -1, id)
  taken, bytes = taken + 1, bytes + #record
  return true
end)
task.taken, task.next_ms = task.taken + taken, from + taken * gap
-- at high rates a few messages go together: one step each 20 ms
local wait = task.rate > 0 and outcome == 'more' and math.max(math.ceil(task.next_ms - now_ms), 20) or 0
return answer(task.taken > task.moved and 'MOVE' or task.status == 'FAILED' and 'DONE' or 'WAIT', wait)
