param([string]$Url, [string]$TokenFile)
$api = New-Object -ComObject 'MOM.ScriptAPI'
$bag = $api.CreatePropertyBag()
$base = $Url.TrimEnd('/')
$alarms = 'AlarmsCritical'
$verdict = 'SignInFails'
$text = ''
$count = 0
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
$headers = @{}
try {
  # The token is read at each run, so that it can be changed, and never written anywhere.
  if ($TokenFile) {
    $headers['Authorization'] = 'Bearer ' + (Get-Content -LiteralPath $TokenFile -TotalCount 1 -ErrorAction Stop).Trim()
  }
  # The most severe come first.
  $answer = Invoke-RestMethod -Uri ($base + '/api/v1/alarms?state=active&limit=20') -Headers $headers -TimeoutSec 20 -UseBasicParsing -ErrorAction Stop
  $count = [int]$answer.total
  $list = @($answer.alarms)
  if ($count -eq 0) { $alarms = 'NoAlarm' }
  elseif (@('critical', 'major') -contains $list[0].severity) { $alarms = 'AlarmsCritical' }
  else { $alarms = 'AlarmsWarning' }
  $lines = @($list | ForEach-Object { '{0}: {1} on {2}: {3} {4}' -f $_.severity, $_.name, $_.target, $_.text, $_.runbook })
  $text = $lines -join [Environment]::NewLine
  if ($text.Length -gt 1800) { $text = $text.Substring(0, 1800) }
} catch {
  $text = 'The alarms cannot be asked for: ' + $_.Exception.Message
}
$why = ''
try {
  # A status of 400 or more is an exception.
  $r = Invoke-WebRequest -Uri ($base + '/testall') -TimeoutSec 30 -MaximumRedirection 0 -UseBasicParsing -ErrorAction Stop
  if ([int]$r.StatusCode -eq 200) { $verdict = 'SignInWorks' } else { $why = 'Status ' + [int]$r.StatusCode }
} catch {
  $why = $_.Exception.Message
}
$bag.AddValue('Alarms', $alarms)
$bag.AddValue('Count', $count)
$bag.AddValue('Text', $text)
$bag.AddValue('Verdict', $verdict)
$bag.AddValue('Why', $why)
$bag
