-- numbers: parse texts of numbers that recur, such as limits and timeouts. A cache is cleared when it is full.
-- to_numbers: parse a text of three numbers; the caller must not change the table.
local MOST_PARSED = 4096
local parsed_numbers, number_parsed = {}, 0
local function to_number(text)
  local value = parsed_numbers[text]
  if not value then
    if number_parsed >= MOST_PARSED then parsed_numbers, number_parsed = {}, 0 end
    value, number_parsed = tonumber(text), number_parsed + 1
    parsed_numbers[text] = value
  end
  return value
end
local parsed_triples, triples_parsed = {}, 0
local function to_numbers(text)
  local found = parsed_triples[text]
  if not found then
    if triples_parsed >= MOST_PARSED then parsed_triples, triples_parsed = {}, 0 end
    local first, second, third = string.match(text, '^(%S+) (%S+) (%S+)$')
    found, triples_parsed = { tonumber(first), tonumber(second), tonumber(third) }, triples_parsed + 1
    parsed_triples[text] = found
  end
  return found
end
