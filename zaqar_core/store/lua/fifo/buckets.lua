-- buckets: what must be remembered for LIMITS.REMEMBERED_MS is in hashes that are used in turn, half that time each:
-- three are read, the fourth is removed before it is used again. The queue's field `era` says which one was used last.
-- uses: base_key, LIMITS, now_ms
local BUCKET_MS = LIMITS.REMEMBERED_MS / 2
local function rotate_buckets()
  local era, last = math.floor(now_ms / BUCKET_MS), tonumber(call('HGET', base_key, 'era') or 0)
  if era == last then return era end
  for step = 1, math.min(era - last, 4) do
    local one = (last + step) % 4
    call('UNLINK', base_key .. ':dd:' .. one, base_key .. ':ra:' .. one)
  end
  call('HSET', base_key, 'era', string.format('%.0f', era))
  return era
end
-- the hashes of a kind (":dd" deduplication, ":ra" receive attempts), the current one first
local function buckets(kind)
  local era = rotate_buckets()
  local prefix = base_key .. kind .. ':'
  return { prefix .. era % 4, prefix .. (era - 1) % 4, prefix .. (era - 2) % 4 }
end
