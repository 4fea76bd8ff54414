-- numbers: parse texts of numbers that recur, such as limits and timeouts. The cache is cleared when it is full.
-- to_numbers: parse a text of three numbers, or four, which are separated by blanks; the caller must not change the
-- table.
local MOST_PARSED = 8192
local parsed, number_parsed = {}, 0
local function to_number(text)
  local value = parsed[text]
  if not value then
    if number_parsed >= MOST_PARSED then parsed, number_parsed = {}, 0 end
    value, number_parsed = tonumber(text), number_parsed + 1
    parsed[text] = value
  end
  return value
end
local function to_numbers(text)
  local found = parsed[text]
  if not found then
    if number_parsed >= MOST_PARSED then parsed, number_parsed = {}, 0 end
    local first, second, third, fourth = string.match(text, '^(%S+) (%S+) (%S+) ?(%S*)$')
    found = { tonumber(first), tonumber(second), tonumber(third), tonumber(fourth) }
    number_parsed = number_parsed + 1
    parsed[text] = found
  end
  return found
end
