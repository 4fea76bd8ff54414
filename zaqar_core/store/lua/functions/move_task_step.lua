-- move_task_step: first step of the moves of a task: as many messages leave the queue as its rate allows, oldest
-- first, each leaving an intent. The task is completed when none is left of those that were there at its start.
-- keys:  Q.   args: the asking process, lease ms, most messages, most bytes
-- reply: {word, ms until it is worth while to ask again}: IDLE no task runs; BUSY another process works on it; MOVE
--        intents are there to be finished; WAIT nothing is, but the task goes on; DONE the task ended.
-- fails: NOQUEUE.   cost: O(most log n).
-- uses: depart, doomed, expired, finish, flags_of, forget, has, MOVED, open, Q, q, remember_now, S, save, search
-- uses: settle, state_of, task_of, tell, tick
local wrong = open()
if wrong then return wrong end
local id = call('HGET', Q .. ':mt', 'active')
local task = id and task_of(id)
if not task then return { 'IDLE', -1 } end
if task.runner ~= ARGV[1] and task.until_ms > tonumber(q.real) then return { 'BUSY', task.until_ms - q.real } end
task.runner, task.until_ms = ARGV[1], q.real + ARGV[2]
tick(100)
local function answer(word, wait)
  local freed = settle()
  tell(freed)
  save(id, task)
  remember_now()
  return { word, wait }
end
local function nothing() return false end
local pending = task.taken - task.moved
local outcome = task.status == 'CANCELLING' and 'end' or search(task, 1, nothing)
if outcome == 'end' then
  if pending > 0 then return answer('MOVE', 0) end
  finish(id, task, task.status == 'CANCELLING' and 'CANCELLED' or 'COMPLETED')
  return answer('DONE', 0)
elseif outcome == 'look' then
  return answer(pending > 0 and 'MOVE' or 'WAIT', 0)
end
local room, from, gap = tonumber(ARGV[3]), 0, 0
if task.rate > 0 then
  -- What was missed is made up for only within a tenth of a second, so that no second sees many more than the rate.
  gap = 1000 / task.rate
  from = math.max(task.next_ms, q.now - 100)
  if from > q.now then return answer(pending > 0 and 'MOVE' or 'WAIT', math.ceil(from - q.now)) end
  room = math.min(room, 1 + math.floor((q.now - from) / gap))
end
local bytes, taken, most_bytes = 0, 0, tonumber(ARGV[4])
outcome = search(task, room, function(seq, record)
  if bytes >= most_bytes then return false end
  local state = state_of(call('HGET', S, seq))
  if expired(record, state) then
    forget({ doomed(seq, record, state) })
    return true
  end
  if task.destination == '' and not has(flags_of(record), MOVED) then
    finish(id, task, 'FAILED', 'CouldNotDetermineMessageSource')
    return false
  end
  depart(seq, record, state, task.destination, -1, id)
  taken, bytes = taken + 1, bytes + #record
  return true
end)
task.taken, task.next_ms = task.taken + taken, from + taken * gap
-- at high rates a few messages go together: one step each 20 ms
local wait = task.rate > 0 and outcome == 'more' and math.max(math.ceil(task.next_ms - q.now), 20) or 0
return answer(task.taken > task.moved and 'MOVE' or task.status == 'FAILED' and 'DONE' or 'WAIT', wait)
