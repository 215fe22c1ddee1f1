package webhook

import (
	"net/http"
	"strings"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// slackFormat is an incoming webhook of Slack, or of what understands the same.
func slackFormat() *format {
	return &format{
		contentType: "application/json; charset=utf-8", secretURL: true,
		values: map[string]string{"channel": "", "username": "", "mention": ""},
		word:   asX733,
		proof:  "accepted by the chat",
		body:   func(m *message) ([]byte, http.Header, error) { return encoded(slackBody(m)) },
	}
}

// headline says what happened in one line.
func (m *message) headline(max int) string {
	state := strings.ToUpper(m.shown())
	if m.Test {
		state = "TEST, " + state
	}
	return bridges.Line("["+state+"] "+m.title(max), max)
}

// shown is the severity as people read it.
func (m *message) shown() string {
	if m.Kind == bridges.Heartbeat {
		return "heartbeat"
	}
	return m.word
}

// fact is one line below a text in a chat.
type fact struct{ name, value string }

func (m *message) facts() []fact {
	a := m.Alarm
	var facts []fact
	for _, f := range []fact{
		{"Severity", m.shown()}, {"Target", a.Target}, {"Probe", a.Probe}, {"Node", a.Node}, {"Reason", a.Reason}, {"Exporter", m.setting.Exporter}, {"Id", a.ID},
	} {
		if f.value != "" {
			facts = append(facts, fact{f.name, bridges.Line(f.value, 256)})
		}
	}
	return facts
}

// slackEscape makes text of text: without it, an alert could mention a channel
// or dress a link up.
var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackText cuts so that the escaped text is not longer than max.
func slackText(s string, max int) string {
	for keep := max; ; keep = keep * 3 / 4 {
		if t := slackEscape.Replace(bridges.Text(s, keep)); len(t) <= max {
			return t
		}
	}
}

// slackBody keeps to Block Kit's bounds: 150 characters in a header, 3000 in a
// text, 2000 in each of ten fields.
func slackBody(m *message) map[string]any {
	text := func(s string) map[string]any { return map[string]any{"type": "mrkdwn", "text": s} }
	blocks := []any{map[string]any{"type": "header", "text": map[string]any{"type": "plain_text", "text": m.headline(150)}}}
	if m.Alarm.Text != "" {
		blocks = append(blocks, map[string]any{"type": "section", "text": text(slackText(m.Alarm.Text, 2900))})
	}
	var fields []any
	for _, f := range m.facts() {
		fields = append(fields, text("*"+f.name+"*\n"+slackText(f.value, 512)))
	}
	blocks = append(blocks, map[string]any{"type": "section", "fields": fields})
	if runbook := link(m.Alarm.Runbook); runbook != "" {
		blocks = append(blocks, map[string]any{"type": "section", "text": text("<" + slackLink.Replace(runbook) + "|Runbook>")})
	}
	fallback := slackText(m.headline(300), 300)
	if mention := m.value("mention"); mention != "" && m.Kind == bridges.Raise {
		fallback = mention + " " + fallback
	}
	body := map[string]any{"text": fallback, "attachments": []any{map[string]any{
		"color": bridges.ConsoleOf(m.severity()).Color, "blocks": blocks,
	}}}
	put(body, "channel", m.value("channel"))
	put(body, "username", m.value("username"))
	return body
}

// slackLink encodes what would end a link.
var slackLink = strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E", "&", "&amp;")

// teamsFormat is a Workflows webhook of Teams: a message with an adaptive card.
// Text stands in runs, which have no markup that an alert could use.
func teamsFormat() *format {
	return &format{
		contentType: "application/json", secretURL: true,
		values: map[string]string{},
		word:   asX733,
		proof:  "accepted by the workflow; whether it posts shows in its run history",
		body:   func(m *message) ([]byte, http.Header, error) { return encoded(teamsBody(m)) },
	}
}

// teamsBody stays well below the 28 KB of a message.
func teamsBody(m *message) map[string]any {
	run := func(text string, more ...any) map[string]any {
		r := map[string]any{"type": "TextRun", "text": text}
		for i := 0; i+1 < len(more); i += 2 {
			r[more[i].(string)] = more[i+1]
		}
		return r
	}
	rich := func(runs ...any) map[string]any { return map[string]any{"type": "RichTextBlock", "inlines": runs} }
	style := bridges.ConsoleOf(m.severity()).Style
	card := []any{rich(run(m.headline(256), "weight", "Bolder", "size", "Large", "color", strings.ToUpper(style[:1])+style[1:]))}
	if m.Alarm.Text != "" {
		card = append(card, rich(run(bridges.Text(m.Alarm.Text, 4000))))
	}
	for _, f := range m.facts() {
		card = append(card, rich(run(f.name+": ", "weight", "Bolder"), run(f.value)))
	}
	content := map[string]any{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
		"msteams": map[string]any{"width": "Full"}, "body": card}
	if runbook := link(m.Alarm.Runbook); runbook != "" {
		content["actions"] = []any{map[string]any{"type": "Action.OpenUrl", "title": "Runbook", "url": runbook}}
	}
	return map[string]any{"type": "message", "attachments": []any{map[string]any{
		"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": content,
	}}}
}
