// pion as the other side: sends back whatever it receives. Speaks the lines of gstreamer_peer.py.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v3"
)

type command struct {
	Do  string `json:"do"`
	SDP string `json:"sdp"`
}

type echo struct {
	pc     *webrtc.PeerConnection
	mutex  sync.Mutex
	tracks map[string]*webrtc.TrackLocalStaticRTP
	counts map[string]int
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func start() *echo {
	media := &webrtc.MediaEngine{}
	must(media.RegisterDefaultCodecs())
	registry := &interceptor.Registry{}
	must(webrtc.RegisterDefaultInterceptors(media, registry))
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	must(err)
	e := &echo{pc: pc, tracks: map[string]*webrtc.TrackLocalStaticRTP{}, counts: map[string]int{}}
	for _, kind := range []string{"audio", "video"} {
		capability := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
		if kind == "audio" {
			capability = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
		}
		track, err := webrtc.NewTrackLocalStaticRTP(capability, kind, "echo")
		must(err)
		e.tracks[kind] = track
		sender, err := pc.AddTrack(track)
		must(err)
		go e.passOn(sender)
	}
	pc.OnTrack(e.send)
	return e
}

// A request for a key frame goes on to whoever sends the pictures.
func (e *echo) passOn(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			if _, ok := packet.(*rtcp.PictureLossIndication); ok {
				e.ask()
			}
		}
	}
}

func (e *echo) ask() {
	for _, receiver := range e.pc.GetReceivers() {
		if track := receiver.Track(); track != nil && track.Kind() == webrtc.RTPCodecTypeVideo {
			_ = e.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}})
		}
	}
}

func (e *echo) send(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	kind := track.Kind().String()
	e.ask()
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		packet.Extension, packet.Extensions = false, nil
		_ = e.tracks[kind].WriteRTP(packet)
		e.mutex.Lock()
		e.counts[kind]++
		e.mutex.Unlock()
	}
}

func (e *echo) local(description webrtc.SessionDescription, err error) (map[string]interface{}, error) {
	if err != nil {
		return nil, err
	}
	gathered := webrtc.GatheringCompletePromise(e.pc)
	if err := e.pc.SetLocalDescription(description); err != nil {
		return nil, err
	}
	select {
	case <-gathered:
	case <-time.After(10 * time.Second):
		return nil, fmt.Errorf("candidates were not gathered in time")
	}
	return map[string]interface{}{"sdp": e.pc.LocalDescription().SDP}, nil
}

func (e *echo) do(c command) (map[string]interface{}, error) {
	switch c.Do {
	case "offer":
		return e.local(e.pc.CreateOffer(nil))
	case "answer":
		if err := e.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: c.SDP}); err != nil {
			return nil, err
		}
		return e.local(e.pc.CreateAnswer(nil))
	case "accept":
		return map[string]interface{}{}, e.pc.SetRemoteDescription(
			webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: c.SDP})
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return map[string]interface{}{"packets": map[string]int{"audio": e.counts["audio"], "video": e.counts["video"]}}, nil
}

func main() {
	e := start()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var c command
		must(json.Unmarshal(lines.Bytes(), &c))
		reply, err := e.do(c)
		if err != nil {
			reply = map[string]interface{}{"error": err.Error()}
		}
		must(out.Encode(reply))
	}
	must(e.pc.Close())
}
